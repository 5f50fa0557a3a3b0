//! `mycopod` with the points at which a test kills it.

fn main() -> std::process::ExitCode {
    cli::main()
}

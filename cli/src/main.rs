//! The program `mycopod`.

fn main() -> std::process::ExitCode {
    cli::main()
}

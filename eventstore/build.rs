//! Builds again when a migration is added: the compiler only watches those it knows.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}

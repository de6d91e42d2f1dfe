//! Runs the models. See the crate's documentation.

fn main() -> std::process::ExitCode {
    models::models::main()
}

//! The command `gen`.

use std::process::ExitCode;

fn main() -> ExitCode {
    codegen::commands::main(std::env::args_os())
}

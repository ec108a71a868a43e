//! The command `ipfs-accelerate`: runs models and says what this machine can compute on.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs published models on the best device at hand.
#[derive(Parser)]
#[command(name = "ipfs-accelerate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a model once: tensors in, tensors out.
    Run(Box<commands::run::Arguments>),
    /// Prints every platform and adapter of this machine, with the reason where one is not available.
    Detect(commands::detect::Arguments),
}

fn main() -> ExitCode {
    let (json, result) = match Cli::parse().command {
        Command::Run(arguments) => (arguments.json, commands::run::run(&arguments)),
        Command::Detect(arguments) => (arguments.json, commands::detect::run(&arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if json => {
            println!("{}", serde_json::json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

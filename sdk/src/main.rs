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
    /// Turns texts into vectors, and says how near they are to each other.
    Embed(commands::embed::Arguments),
    /// Names the class of texts or of pictures, whichever the model reads.
    Classify(commands::classify::Arguments),
    /// Writes down what is said in a sound.
    Transcribe(commands::transcribe::Arguments),
    /// Says what may stand where a text has a mask.
    FillMask(commands::fill_mask::Arguments),
    /// Prints every platform and adapter of this machine, with the reason where one is not available.
    Detect(commands::detect::Arguments),
}

fn main() -> ExitCode {
    let (json, result): (bool, commands::Outcome) = match Cli::parse().command {
        Command::Run(arguments) => (arguments.json, commands::run::run(&arguments).map_err(Into::into)),
        Command::Embed(arguments) => (arguments.model.json, commands::embed::run(&arguments)),
        Command::Classify(arguments) => (arguments.model.json, commands::classify::run(&arguments)),
        Command::Transcribe(arguments) => (arguments.model.json, commands::transcribe::run(&arguments)),
        Command::FillMask(arguments) => (arguments.model.json, commands::fill_mask::run(&arguments)),
        Command::Detect(arguments) => (arguments.json, commands::detect::run(&arguments).map_err(Into::into)),
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

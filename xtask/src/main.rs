//! `cargo xtask`: what this repository does with itself. Product code is elsewhere.

mod bench;
mod demo;
mod goldens;
mod mutants;
mod setup;
mod shell;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What this repository does with itself.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The main job: generates and validates everything, then runs a generated model on the best device.
    Demo,
    /// Everything that must hold: formats, lints, drift, tests; sets up what it needs and counts what was skipped.
    Test(test::Arguments),
    /// Installs software Vulkan where no WebGPU adapter is.
    Setup,
    /// Makes the goldens anew from PyTorch and HF transformers.
    Goldens(goldens::Arguments),
    /// Breaks the code in known ways, one at a time, and sees that a test turns red for each.
    Mutants(mutants::Arguments),
    /// Times a checkpoint on this machine, alternating with PyTorch, and prints medians and ratios.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo => demo::run(),
        Command::Test(arguments) => test::run(&arguments),
        Command::Setup => setup::run(),
        Command::Goldens(arguments) => goldens::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

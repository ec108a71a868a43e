//! `cargo xtask`: what this repository does with itself. Product code is elsewhere.

mod bench;
mod demo;
mod fuzz;
mod goldens;
mod mutants;
mod setup;
mod shell;
mod test;
mod web_test;

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
    /// Random models that no golden has, held against HF transformers.
    Fuzz(fuzz::Arguments),
    /// Breaks the code in known ways, one at a time, and sees that a test turns red for each.
    Mutants(mutants::Arguments),
    /// Times models natively and in a browser, in turns with peers; what `gen bench` starts.
    Bench(bench::Arguments),
    /// Runs the generated tests in a browser, on its WebNN, its WebGPU and its processor.
    WebTest(web_test::Arguments),
    /// Asks a browser what it can compute on, and prints its answers as JSON.
    WebDetect(web_test::detect::Arguments),
    /// Builds the demo page: nearest sentences, computed in the browser.
    WebDemo(web_test::demo::Arguments),
    /// Installs what the web tests need: std for wasm32, a browser.
    WebSetup,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo => demo::run(),
        Command::Test(arguments) => test::run(&arguments),
        Command::Setup => setup::run(),
        Command::Goldens(arguments) => goldens::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::WebTest(arguments) => web_test::run(&arguments),
        Command::WebDetect(arguments) => web_test::detect::run(&arguments),
        Command::WebDemo(arguments) => web_test::demo::run(&arguments),
        Command::WebSetup => web_test::setup(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

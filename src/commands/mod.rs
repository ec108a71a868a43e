//! One verb per file; what they share stands here: the run of the command line, its exit code, the names it is given.

mod all;
mod bench;
mod completions;
mod console;
mod explain;
mod list;
mod place;
mod plan;
mod regenerate;
mod schema;
mod select;
mod skillset;
mod test;
mod validate;
mod workshop;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command};
use crate::diagnostics::Diagnostics;
use crate::sources::Sources;
use console::Console;
use place::Place;
use workshop::Workshop;

/// How a command ended that had nothing to complain of in its arguments or the specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// Exit code 0.
    Clean,
    /// Exit code 1: findings, or files that would change.
    Findings,
}

/// Runs a command line.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let command = Cli::command().color(console::clap_colour(&arguments));
    let cli = match command.try_get_matches_from(&arguments).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap prints them on stdout and says 0. A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let console = Console::new(&cli.common);
    match run(&cli, &console) {
        Ok(Done::Clean) => ExitCode::SUCCESS,
        Ok(Done::Findings) => ExitCode::from(1),
        Err(diagnostics) => {
            console.diagnostics(&diagnostics.into_sorted());
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, console: &Console) -> Result<Done, Diagnostics> {
    let sources = || Sources::load(cli.common.specs.as_deref());
    match &cli.command {
        Command::Skillset(arguments) => skillset::run(arguments, &sources()?, console),
        Command::Test(arguments) => test::run(arguments, &sources()?, console),
        Command::Validate(arguments) => validate::run(arguments, &sources()?, console),
        Command::Plan(arguments) => plan::run(arguments, &sources()?, console),
        Command::List(arguments) => list::run(arguments, &sources()?, console),
        Command::All(arguments) => all::run(arguments, &sources()?, console),
        Command::Bench(arguments) => bench::run(arguments, &sources()?, console),
        Command::Schema(arguments) => schema::run(arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
        Command::Completions(arguments) => Ok(completions::run(arguments, console)),
    }
}

//! `gen completions`: a shell's script, from the definition of the command line.

use clap::CommandFactory;

use super::{Console, Done};
use crate::cli::{Cli, Completions};

pub(super) fn run(arguments: &Completions, console: &Console) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "gen", &mut script);
    console.print(&String::from_utf8_lossy(&script));
    Done::Clean
}

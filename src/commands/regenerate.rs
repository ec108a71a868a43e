//! What the command in a file's header writes today.

use clap::Parser;

use super::{Workshop, all, skillset, test};
use crate::cli::{Cli, Command};
use crate::diagnostics::Diagnostics;
use crate::output::Files;

/// The files of a header's command, as in `skillset --model bert --cross-platform`; one file where it writes one.
pub(super) fn regenerate(command: &str, workshop: &Workshop<'_>) -> Result<Files, String> {
    let words = std::iter::once("gen").chain(command.split_whitespace());
    let parsed = Cli::try_parse_from(words).map_err(|_| format!("`gen {command}` is no command"))?;
    let files = match &parsed.command {
        Command::Skillset(arguments) => skillset::text(arguments, workshop),
        Command::Test(arguments) => test::text(arguments, workshop),
        Command::All(_) => all::files(workshop),
        _ => return Err(format!("`gen {command}` writes no files")),
    };
    files.map_err(|diagnostics| first(&diagnostics))
}

/// The first of many reasons, in one line.
pub(super) fn first(diagnostics: &Diagnostics) -> String {
    let list = diagnostics.clone().into_sorted();
    let first = list.first().map_or_else(String::new, |one| format!("{}: {}", one.code.id(), one.message));
    if list.len() > 1 { format!("{first} (and {} more)", list.len() - 1) } else { first }
}

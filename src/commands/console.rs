//! What a command prints: results on stdout, errors and progress on stderr; a closed pipe ends nothing.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use crate::cli::{Color, Common};
use crate::diagnostics::{self, Diagnostic};

/// Where output goes and how.
#[derive(Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    color: Color,
}

impl Console {
    pub(super) fn new(common: &Common) -> Self {
        Self { json: common.json, quiet: common.quiet, verbose: common.verbose > 0, color: common.color }
    }

    /// True where stdout carries one JSON object and nothing else.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// True where nothing but errors and findings is wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// True where stdout takes colours.
    pub(super) fn colour(&self) -> bool {
        colour(self.color, io::stdout().is_terminal())
    }

    /// A result.
    pub(super) fn print(&self, text: &str) {
        let _ = io::stdout().write_all(text.as_bytes());
    }

    /// A result as JSON.
    pub(super) fn print_json(&self, value: &Value) {
        self.print(&format!("{value:#}\n"));
    }

    /// Progress and summaries.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Progress that few want to see.
    pub(super) fn detail(&self, line: &str) {
        if self.verbose {
            self.note(line);
        }
    }

    /// All that is wrong.
    pub(super) fn diagnostics(&self, list: &[Diagnostic]) {
        if self.json {
            self.print_json(&json!({ "diagnostics": diagnostics::rows(list) }));
        } else {
            let text = diagnostics::human(list, colour(self.color, io::stderr().is_terminal()));
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

fn colour(choice: Color, terminal: bool) -> bool {
    let refused =
        std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !refused,
    }
}

/// `--color` as clap's own messages need it, before anything is parsed.
pub(super) fn clap_colour(arguments: &[OsString]) -> clap::ColorChoice {
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let after = words.iter().position(|word| *word == "--color").and_then(|index| words.get(index + 1)).copied();
    match words.iter().find_map(|word| word.strip_prefix("--color=")).or(after) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

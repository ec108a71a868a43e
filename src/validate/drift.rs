//! The file is what the command in its header writes today.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};
use crate::header::Header;
use crate::output::Files;

/// What commands of headers write, each run once.
#[derive(Default)]
pub(super) struct Known(RefCell<HashMap<String, Result<Files, String>>>);

pub(super) fn check(subject: &Subject, context: &Context<'_>, findings: &mut Diagnostics) {
    let Some(header) = &subject.header else { return };
    let now = match regenerated(subject, context) {
        Ok(now) => now,
        Err(reason) => {
            let message = format!("expected a command of `gen` that writes this file: {reason}");
            findings.add(Code::Drift, subject.line(0), message, "delete the file, or mend the specs and run `gen all`".to_owned());
            return;
        }
    };
    let same_hash = Header::parse(&now).is_some_and(|now| now.hash == header.hash);
    if !same_hash || now == subject.source.text {
        return;
    }
    let found = &subject.source.text;
    let line = now.lines().zip(found.lines()).take_while(|(now, found)| now == found).count();
    let expected = now.lines().nth(line).map_or_else(|| "the end of the file".to_owned(), |line| format!("`{}`", line.trim()));
    let actual = found.lines().nth(line).map_or_else(|| "the end of the file".to_owned(), |line| format!("`{}`", line.trim()));
    let message = format!("expected {expected}, found {actual}");
    findings.add(
        Code::Drift,
        subject.line(line),
        message,
        format!("run `gen {}`; changes belong in the spec or the template", header.command),
    );
}

/// What the command in the subject's header writes now.
pub(super) fn regenerated(subject: &Subject, context: &Context<'_>) -> Result<String, String> {
    let header = subject.header.as_ref().ok_or("it has no header")?;
    let mut known = context.known.0.borrow_mut();
    let files =
        known.entry(header.command.clone()).or_insert_with(|| (context.regenerate)(&header.command)).as_ref().map_err(String::clone)?;
    let path = subject.path.to_string_lossy().replace('\\', "/");
    let mut texts = files.iter();
    match (texts.next(), texts.next()) {
        (Some((_, text)), None) => Ok(text.clone()),
        _ => files
            .iter()
            .find(|(name, _)| path == **name || path.ends_with(&format!("/{name}")))
            .map(|(_, text)| text.clone())
            .ok_or_else(|| format!("`gen {}` writes no file of this name", header.command)),
    }
}

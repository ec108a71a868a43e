//! `gen all`: the generated crate, written and validated.

use super::place::generated;
use super::regenerate::regenerate;
use super::select::everything;
use super::{Console, Done, Workshop, write};
use crate::cli::All;
use crate::diagnostics::{self, Diagnostics};
use crate::output::{Files, Scope};
use crate::sources::Sources;
use crate::validate;

pub(super) fn run(arguments: &All, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let folder = arguments.output.clone().unwrap_or_else(|| generated(sources));
    let workshop = Workshop::open(sources)?;
    let files = files(&workshop)?;
    let mut report = write::apply(&folder, &files, &Scope::default(), &arguments.writing, console)?;
    if !arguments.writing.check && !arguments.writing.dry_run {
        let subjects = validate::read(&[folder])?;
        let findings = validate::validate(&subjects, true, sources, &|command| regenerate(command, &workshop)).into_sorted();
        report.json["findings"] = diagnostics::rows(&findings).into();
        if findings.is_empty() {
            console.note(&format!("{} files validated, nothing found", subjects.len()));
        } else {
            report.done = Done::Findings;
            if !console.is_json() {
                console.diagnostics(&findings);
            }
        }
    }
    if console.is_json() {
        console.print_json(&report.json);
    }
    Ok(report.done)
}

/// Every file of the generated crate that `gen` makes.
pub(super) fn files(workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    let selection = everything(workshop)?;
    Ok(workshop.generated_crate(&workshop.checked(&selection.models, &selection.platforms)?))
}

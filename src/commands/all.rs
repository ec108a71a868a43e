//! `gen all`: the generated crate, written and validated.

use super::place::generated;
use super::regenerate::regenerate;
use super::select::everything;
use super::{Console, Done, Workshop, write};
use crate::cli::All;
use crate::diagnostics::{self, Diagnostic, Diagnostics};
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
        console.note(table(&files, &workshop, &findings)?.trim_end());
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

/// Models × platforms: how many tests each has, and whether all that was generated for it is valid.
fn table(files: &Files, workshop: &Workshop<'_>, findings: &[Diagnostic]) -> Result<String, Diagnostics> {
    let selection = everything(workshop)?;
    let wrong = |path: &str| findings.iter().any(|found| found.span.as_ref().is_none_or(|span| span.source.name.ends_with(path)));
    let cell = |model: &String, platform: &String| {
        let (module, tests) = (format!("src/{model}.rs"), format!("tests/{model}_{platform}.rs"));
        let count = files.get(&tests).map_or(0, |text| text.matches("\nasync fn ").count());
        format!("{count} tests, {}", if wrong(&module) || wrong(&tests) { "not valid" } else { "valid" })
    };
    let mut rows = vec![[vec!["model".to_owned()], selection.platforms.clone()].concat()];
    rows.extend(selection.models.iter().map(|model| {
        std::iter::once(model.clone()).chain(selection.platforms.iter().map(|platform| cell(model, platform))).collect::<Vec<_>>()
    }));
    let widths: Vec<usize> = (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    Ok(rows.iter().map(line).collect())
}

/// Every file of the generated crate that `gen` makes.
pub(super) fn files(workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    let selection = everything(workshop)?;
    Ok(workshop.generated_crate(&workshop.checked(&selection.models, &selection.platforms)?))
}

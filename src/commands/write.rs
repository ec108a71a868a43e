//! What every writing command does with its files: write, `--check` or `--dry-run`, then say what happened.

use std::path::Path;

use serde_json::{Value, json};

use super::place::shown;
use super::{Console, Done};
use crate::cli::Writing;
use crate::diagnostics::{Code, Diagnostics};
use crate::header::Header;
use crate::output::{self, Change, Files, Scope};

/// What happened, for the summary.
pub(super) struct Report {
    pub(super) done: Done,
    pub(super) json: Value,
}

/// Writes, compares or lists `files` below `folder`.
pub(super) fn apply(folder: &Path, files: &Files, scope: &Scope, writing: &Writing, console: &Console) -> Result<Report, Diagnostics> {
    let changes = output::changes(folder, files)?;
    let stale = output::stale(folder, files, scope);
    let path = |change: &Change| shown(folder, &change.path);
    let unchanged = files.len() - changes.len();
    let listed = |key: &str| {
        let changed: Vec<_> = changes.iter().map(path).collect();
        let left: Vec<_> = stale.iter().map(|left| shown(folder, left)).collect();
        json!({ key: changed, "unchanged": unchanged, "stale": left })
    };
    if writing.check {
        if !console.is_json() {
            changes.iter().for_each(|change| console.print(&output::unified(change, console.colour())));
            stale.iter().for_each(|left| console.print(&format!("stale: {}\n", shown(folder, left))));
        }
        console.note(&format!("{} would change, {} stale, {unchanged} unchanged", files_word(changes.len()), stale.len()));
        let done = if changes.is_empty() && stale.is_empty() { Done::Clean } else { Done::Findings };
        let mut json = listed("would_change");
        json["diff"] = changes.iter().map(|change| output::unified(change, false)).collect::<String>().into();
        return Ok(Report { done, json });
    }
    if writing.dry_run {
        if !console.is_json() {
            changes.iter().for_each(|change| console.print(&format!("would write {}\n", path(change))));
        }
        console.note(&format!("{} would be written, {unchanged} unchanged", files_word(changes.len())));
        return Ok(Report { done: Done::Clean, json: listed("would_write") });
    }
    refuse_other_verbs(folder, files, &changes)?;
    output::write(folder, &changes)?;
    changes.iter().for_each(|change| console.note(&format!("wrote {}", path(change))));
    for name in files.keys().filter(|name| !changes.iter().any(|change| change.path == **name)) {
        console.detail(&format!("unchanged {}", shown(folder, name)));
    }
    stale.iter().for_each(|left| console.note(&format!("stale {}: nothing generates it any more; delete it", shown(folder, left))));
    console.note(&format!("{} written, {unchanged} unchanged", files_word(changes.len())));
    Ok(Report { done: Done::Clean, json: listed("written") })
}

/// Tests do not overwrite skillsets of the same name, nor skillsets tests.
fn refuse_other_verbs(folder: &Path, files: &Files, changes: &[Change]) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    for change in changes {
        let before = change.before.as_deref().and_then(Header::parse);
        let after = files.get(&change.path).and_then(|text| Header::parse(text));
        if let (Some(before), Some(after)) = (before, after)
            && before.verb() != after.verb()
        {
            let message = format!("`{}` holds what `gen {}` wrote", shown(folder, &change.path), before.command);
            diagnostics.add(Code::Unwritable, None, message, "choose another `--output`, or delete the file".to_owned());
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

fn files_word(count: usize) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

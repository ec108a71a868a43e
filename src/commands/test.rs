//! `gen test`: the tests of models.

use std::path::PathBuf;

use super::select::{Selection, select};
use super::{Console, Done, Place, Workshop, write};
use crate::cli::Test;
use crate::diagnostics::{Code, Diagnostics};
use crate::output::{Files, Scope};
use crate::sources::Sources;

pub(super) fn run(arguments: &Test, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let workshop = Workshop::open(sources)?;
    let selection = select(&arguments.names, &workshop)?;
    let place = Place::new(arguments.output.as_deref(), sources)?;
    let files = files(&selection, &place, &workshop)?;
    let scope = Scope {
        verbs: vec!["test"],
        models: if selection.every_model { Vec::new() } else { selection.models },
        platforms: if selection.every_platform { Vec::new() } else { selection.platforms },
        cross_platform: None,
    };
    let report = write::apply(place.folder(), &files, &scope, &arguments.writing, console)?;
    if console.is_json() {
        console.print_json(&report.json);
    }
    Ok(report.done)
}

/// The one file that a header's command stands for.
pub(super) fn text(arguments: &Test, workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    files(&select(&arguments.names, workshop)?, &Place::File(PathBuf::new(), "test.rs".into()), workshop)
}

fn files(selection: &Selection, place: &Place, workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    let mut files = Files::new();
    if let (Place::File(_, name), true) = (place, selection.models.len() > 1) {
        let mut diagnostics = Diagnostics::default();
        let help = "name a folder, or one model: the tests of each model are a program of their own".to_owned();
        diagnostics.add(Code::WrongUse, None, format!("`{name}` is one file, but {} models are named", selection.models.len()), help);
        return Err(diagnostics);
    }
    for plan in workshop.checked(&selection.models, &selection.platforms)? {
        if let Place::File(_, name) = place {
            let platforms: Vec<&str> = selection.platforms.iter().map(String::as_str).collect();
            files.insert(name.clone(), workshop.test(&plan, &platforms));
            continue;
        }
        for platform in &selection.platforms {
            let stem = format!("{}_{platform}", plan.family());
            let path = if let Place::Crate(_) = place { format!("tests/{stem}.rs") } else { format!("{stem}.rs") };
            files.insert(path, workshop.test(&plan, &[platform]));
        }
    }
    Ok(files)
}

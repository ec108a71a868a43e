//! `gen skillset`: the modules that run models.

use std::path::PathBuf;

use super::select::{Selection, everything, select};
use super::{Console, Done, Place, Workshop, write};
use crate::cli::Skillset;
use crate::diagnostics::{Code, Diagnostics};
use crate::output::{Files, Scope};
use crate::sources::Sources;

pub(super) fn run(arguments: &Skillset, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let workshop = Workshop::open(sources)?;
    let selection = select(&arguments.names, &workshop)?;
    let place = Place::new(arguments.output.as_deref(), sources)?;
    let files = files(&selection, arguments.cross_platform, &place, &workshop)?;
    let scope = Scope {
        verbs: vec!["skillset"],
        models: if selection.every_model { Vec::new() } else { selection.models },
        platforms: if selection.every_platform { Vec::new() } else { selection.platforms },
        cross_platform: Some(arguments.cross_platform),
    };
    let report = write::apply(place.folder(), &files, &scope, &arguments.writing, console)?;
    if console.is_json() {
        console.print_json(&report.json);
    }
    Ok(report.done)
}

/// The one file that a header's command stands for.
pub(super) fn text(arguments: &Skillset, workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    let selection = select(&arguments.names, workshop)?;
    files(&selection, arguments.cross_platform, &Place::File(PathBuf::new(), "skillset.rs".into()), workshop)
}

fn files(selection: &Selection, cross_platform: bool, place: &Place, workshop: &Workshop<'_>) -> Result<Files, Diagnostics> {
    let mut files = Files::new();
    if let (Place::File(_, name), true) = (place, selection.models.len() > 1) {
        let mut diagnostics = Diagnostics::default();
        let help = "name a folder, or one model".to_owned();
        diagnostics.add(Code::WrongUse, None, format!("`{name}` is one file, but {} models are named", selection.models.len()), help);
        return Err(diagnostics);
    }
    let platforms = if cross_platform { everything(workshop)?.platforms } else { selection.platforms.clone() };
    let names: Vec<&str> = platforms.iter().map(String::as_str).collect();
    for plan in workshop.checked(&selection.models, &platforms)? {
        let model = plan.family();
        let mut add = |stem: String, platforms: &[&str]| {
            let path = match place {
                Place::Crate(_) => format!("src/{stem}.rs"),
                Place::Folder(_) => format!("{stem}.rs"),
                Place::File(_, name) => name.clone(),
            };
            files.insert(path, workshop.skillset(&plan, platforms, cross_platform));
        };
        if cross_platform || matches!(place, Place::File(..)) {
            add(model.to_owned(), &names);
        } else {
            names.iter().for_each(|platform| add(format!("{model}_{platform}"), &[platform]));
        }
    }
    Ok(files)
}

//! The models and platforms that a command line names: `all`, each once, in the specs' order, unknown ones all reported.

use super::Workshop;
use crate::cli::Names;
use crate::diagnostics::{Code, Diagnostics};
use crate::names;
use crate::spec;

/// What a command is about.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// Sorted.
    pub(super) models: Vec<String>,
    /// In the order in which platforms are tried.
    pub(super) platforms: Vec<String>,
    /// True where `all` models are meant.
    pub(super) every_model: bool,
    /// True where `all` platforms are meant.
    pub(super) every_platform: bool,
}

/// Everything there is.
pub(super) fn everything(workshop: &Workshop<'_>) -> Result<Selection, Diagnostics> {
    let all = || vec!["all".to_owned()];
    select(&Names { model: all(), platform: all() }, workshop)
}

/// What `given` names.
pub(super) fn select(given: &Names, workshop: &Workshop<'_>) -> Result<Selection, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let known = spec::models(workshop.sources);
    let (models, every_model) = pick("model", Code::UnknownModel, &given.model, &known, &mut diagnostics);
    let known: Vec<&str> = workshop.facts.platforms.iter().map(|platform| platform.name.value.as_str()).collect();
    let (platforms, every_platform) = pick("platform", Code::UnknownPlatform, &given.platform, &known, &mut diagnostics);
    for (kind, found) in [("model", &models), ("platform", &platforms)] {
        if found.is_empty() && diagnostics.is_empty() {
            let help = format!("write one in model_specs/{kind}s/, or name the folder that holds model_specs/ with `--specs`");
            diagnostics.add(Code::WrongUse, None, format!("there is no {kind}"), help);
        }
    }
    if diagnostics.is_empty() { Ok(Selection { models, platforms, every_model, every_platform }) } else { Err(diagnostics) }
}

fn pick(kind: &str, code: Code, given: &[String], known: &[&str], diagnostics: &mut Diagnostics) -> (Vec<String>, bool) {
    let every = given.iter().any(|name| name == "all");
    for name in given {
        if name != "all" && !known.contains(&name.as_str()) {
            let help = names::did_you_mean(name, known.iter().copied()).unwrap_or_else(|| format!("`gen list {kind}s` prints them"));
            diagnostics.add(code, None, format!("there is no {kind} `{name}`"), help);
        }
    }
    let picked = known.iter().filter(|name| every || given.iter().any(|wanted| wanted == *name)).map(|name| (*name).to_owned()).collect();
    (picked, every)
}

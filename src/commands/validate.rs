//! `gen validate`: findings on files as they lie on disk.

use serde_json::json;

use super::place::generated;
use super::regenerate::{first, regenerate};
use super::{Console, Done, Workshop};
use crate::cli::{Format, Validate};
use crate::diagnostics::{self, Diagnostics};
use crate::sources::Sources;
use crate::spec;
use crate::validate;

pub(super) fn run(arguments: &Validate, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let paths = if arguments.paths.is_empty() { vec![generated(sources)] } else { arguments.paths.clone() };
    let whole_crate = paths.iter().any(|path| path.join("src").is_dir());
    let subjects = validate::read(&paths)?;
    let workshop = Workshop::open(sources);
    let now = |command: &str| regenerate(command, workshop.as_ref().map_err(first)?);
    let mut findings = validate::validate(&subjects, whole_crate, sources, &now);
    // Nothing is generated of browsers, so that no other command would say what is wrong with them.
    spec::browsers(sources, &mut findings);
    if arguments.compile {
        console.note("running cargo check and clippy");
        findings.extend(validate::compile(&subjects, sources)?);
    }
    let findings = findings.into_sorted();
    let format = match arguments.format {
        _ if arguments.sarif => Format::Sarif,
        _ if console.is_json() => Format::Json,
        format => format,
    };
    match format {
        Format::Sarif => console.print_json(&validate::sarif(&findings)),
        Format::Json => {
            console.print_json(&json!({ "files": subjects.len(), "findings": diagnostics::rows(&findings) }));
        }
        Format::Human if findings.is_empty() => console.note(&format!("{} files validated, nothing found", subjects.len())),
        Format::Human => console.diagnostics(&findings),
    }
    Ok(if findings.is_empty() { Done::Clean } else { Done::Findings })
}

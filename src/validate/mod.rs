//! Findings on generated files as they lie on disk; changes none. One rule per file.

mod api;
mod assertions;
mod compile;
mod coverage;
mod drift;
mod header;
mod not_empty;
mod parses;
mod runtime_api;
mod sarif;
mod subject;
mod unsafe_code;

use crate::diagnostics::Diagnostics;
use crate::output::Files;
use crate::sources::Sources;

pub use compile::compile;
pub use sarif::sarif;
pub use subject::{Subject, read};

/// What rules may ask of besides the file itself.
pub struct Context<'a> {
    sources: &'a Sources,
    runtime: runtime_api::RuntimeApi,
    regenerate: &'a Regenerate<'a>,
    known: drift::Known,
}

/// The files that a header's command writes today, or why it writes none.
pub type Regenerate<'a> = dyn Fn(&str) -> Result<Files, String> + 'a;

/// A rule on one file.
type Rule = fn(&Subject, &Context<'_>, &mut Diagnostics);

/// Every rule on one file; a new one is a file and a line here.
const RULES: &[Rule] = &[not_empty::check, parses::check, header::check, drift::check, unsafe_code::check, api::check, assertions::check];

/// All findings on `subjects`; where they are a whole crate, also on what it lacks.
pub fn validate(subjects: &[Subject], whole_crate: bool, sources: &Sources, regenerate: &Regenerate<'_>) -> Diagnostics {
    let context = Context { sources, runtime: runtime_api::RuntimeApi::of(sources), regenerate, known: drift::Known::default() };
    let mut findings = Diagnostics::default();
    for subject in subjects {
        RULES.iter().for_each(|rule| rule(subject, &context, &mut findings));
    }
    if whole_crate {
        coverage::check(subjects, &context, &mut findings);
    }
    findings
}

//! The file says which command makes it, and its sources have not changed since.

use super::{Context, Subject, drift};
use crate::diagnostics::{Code, Diagnostics};
use crate::header::Header;

pub(super) fn check(subject: &Subject, context: &Context<'_>, findings: &mut Diagnostics) {
    let Some(header) = &subject.header else {
        let message = if Header::claimed(&subject.source.text) { "a broken header" } else { "no header" };
        let help = "write the file again with `gen all`; what is written by hand belongs elsewhere".to_owned();
        findings.add(Code::BadHeader, subject.line(0), format!("expected the two lines of a generated file, found {message}"), help);
        return;
    };
    // A header whose command cannot be run is the drift rule's finding.
    let Some(present) = drift::regenerated(subject, context).ok().and_then(|text| Header::parse(&text)) else { return };
    if present.hash != header.hash {
        let message =
            format!("expected `{}`, the hash of the present specs and templates, found `{}`", &present.hash[..12], &header.hash[..12]);
        findings.add(Code::StaleHash, subject.line(1), message, format!("run `gen {}`", header.command));
    }
}

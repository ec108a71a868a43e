//! The file holds something.

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};

pub(super) fn check(subject: &Subject, _: &Context<'_>, findings: &mut Diagnostics) {
    if subject.syntax.as_ref().is_ok_and(|file| file.items.is_empty()) {
        let help = "write it again with `gen all`, or delete it".to_owned();
        findings.add(Code::EmptyFile, subject.line(0), "expected items, found none", help);
    }
}

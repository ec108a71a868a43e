//! The file is Rust.

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};

pub(super) fn check(subject: &Subject, _: &Context<'_>, findings: &mut Diagnostics) {
    if let Err(error) = &subject.syntax {
        for error in error.clone() {
            findings.add(Code::Unparsable, subject.span(error.span()), error.to_string(), "write it again with `gen all`".to_owned());
        }
    }
}

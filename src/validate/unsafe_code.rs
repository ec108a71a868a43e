//! The file forbids unsafe code in itself.

use syn::Meta;

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};

pub(super) fn check(subject: &Subject, _: &Context<'_>, findings: &mut Diagnostics) {
    let Ok(file) = &subject.syntax else { return };
    let forbids = file.attrs.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("forbid") && list.tokens.clone().into_iter().any(|token| token.to_string() == "unsafe_code"),
        _ => false,
    });
    if !forbids {
        findings.add(
            Code::UnsafeNotForbidden,
            subject.line(0),
            "expected `#![forbid(unsafe_code)]`, found none",
            "write it again with `gen all`".to_owned(),
        );
    }
}

//! One verb per file.

pub(crate) mod detect;
pub(crate) mod run;

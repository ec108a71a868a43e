//! One verb per file.

pub(crate) mod classify;
pub(crate) mod detect;
pub(crate) mod embed;
pub(crate) mod fill_mask;
mod model;
pub(crate) mod run;
pub(crate) mod transcribe;

/// What a verb ends with where it fails.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

//! The W3C's conformance cases: reading, computing, judging. Data and licence stand beside this file.

pub(crate) mod case;
pub(crate) mod expected;
pub(crate) mod runner;
pub(crate) mod table;
pub(crate) mod validation;
pub(crate) mod vectors;

pub(crate) use expected::Expected;
pub(crate) use runner::{Backend, Counts, Record};

/// What came of a case.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Failed as the list of known failures says.
    Expected(String),
    Unsupported(String),
}

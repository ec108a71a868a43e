//! The W3C's conformance cases: reading, computing, judging. Data and licence stand beside this file.

pub(crate) mod case;
pub(crate) mod expected;
pub(crate) mod measured;
pub(crate) mod runner;
pub(crate) mod table;
pub(crate) mod validation;
pub(crate) mod vectors;

pub(crate) use expected::{Expected, Outcome};
pub(crate) use measured::Measured;
pub(crate) use runner::{Backend, Counts, Record};

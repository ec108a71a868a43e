//! Texts that a model writes, token by token: greedy and beam search as HF's `generate`, and its rules over scores.
//!
//! The search knows no model: a [`Decoder`] gives the scores of the next token. So it is held to traces of HF's `generate` without a device.

mod config;
mod graphs;
mod rules;
mod search;

pub use config::GenerationConfig;
pub use graphs::GraphDecoder;
pub use rules::{Rule, Timestamps};
pub use search::{Decoder, EarlyStopping, Generated, Search, search};

//! Knows models: reads specs, checks them into plans, writes Rust that runs them. `gen` is its command.

pub mod cli;
pub mod commands;
pub mod diagnostics;
pub mod emit;
pub mod header;
pub mod names;
pub mod output;
pub mod plan;
pub mod sources;
pub mod spec;
pub mod validate;
pub mod yaml;

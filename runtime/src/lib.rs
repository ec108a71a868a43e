//! The shared runtime of the generated skillsets: a graph builder in WebNN's vocabulary, and what computes its graphs.
//!
//! A model's module builds a [`graph::Graph`]; a backend compiles it once per bound shape and runs it many times.
//! Knows operators and devices; knows no model.

#![deny(unsafe_code)]

pub mod error;
pub mod graph;
pub mod ops;

pub use error::{Error, GraphError, Result, WeightError};
pub use graph::{DataType, Graph, GraphBuilder, Operand, OperandDescriptor};

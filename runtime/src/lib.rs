//! The shared runtime of the generated skillsets: a graph builder in WebNN's vocabulary, and what computes its graphs.
//!
//! A model's module builds a [`graph::Graph`]; a backend compiles it once per bound shape and runs it many times.
//! Knows operators and devices; knows no model.

#![deny(unsafe_code)]

pub mod backends;
#[cfg(any(feature = "cpu", feature = "webgpu", all(feature = "webnn", target_arch = "wasm32")))]
pub mod bindings;
mod digits;
pub mod error;
pub mod graph;
#[cfg(feature = "session")]
pub mod inputs;
#[cfg(any(feature = "cpu", feature = "webgpu", all(feature = "webnn", target_arch = "wasm32")))]
pub mod model;
pub mod ops;
pub mod optimize;
mod order;
pub mod platform;
#[cfg(any(feature = "cpu", feature = "webgpu", all(feature = "webnn", target_arch = "wasm32")))]
pub mod registry;
pub mod rename;
#[cfg(any(feature = "cpu", feature = "webgpu", all(feature = "webnn", target_arch = "wasm32")))]
pub mod session;
#[cfg(feature = "session")]
pub mod skill;
pub mod tensor;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "session")]
pub mod weights;

pub use error::{Error, GraphError, Result, WeightError};
pub use graph::{DataType, Graph, GraphBuilder, Operand, OperandDescriptor};
pub use tensor::{Element, Tensor};

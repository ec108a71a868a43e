//! WebGPU through wgpu: native now, the browser's by the same code.
//!
//! [`lower`](lower()) turns a program into [`Dispatch`]es: text and numbers, no device. An operator's own are in its file in `ops`; this
//! folder has what they share, and the fused kernels. [`Device`] makes pipelines and buffers of them once ([`Compiled`]), and a run is one
//! submission of one compute pass.
//!
//! Every data type is stored as the host has it; the file `storage.rs` says how a shader sees it. Every tensor is a binding of its own: constants and
//! inputs `read`, the arena and the outputs `read_write` with ranges that do not overlap, since WebGPU refuses one buffer that is bound
//! both for reading and for writing in one dispatch.

mod adapter;
mod compile;
mod constants;
mod device;
mod dispatch;
mod emitter;
mod execute;
pub(crate) mod kernels;
mod lower;
mod resident;
mod shader;
mod signal;
mod steps;
mod storage;
mod tensor;

#[cfg(test)]
mod tests;

pub use adapter::{AdapterChoice, AdapterLimits, AdapterReport};
pub use compile::{Compiled, Report};
pub use constants::Loader;
pub use device::Device;
pub use dispatch::{Binding, Chunk, Dispatch, Plan, Region, Resource};
pub use lower::{Options, lower};
pub use resident::Resident;

// What the operators' files make their dispatches with.
pub(crate) use emitter::{Emitter, Wgsl, elementwise};
pub(crate) use kernels::element::{Form, around, convert, coordinates, packed_strides, walk};
pub(crate) use kernels::expression::{cast, literal, literal_of};
pub(crate) use kernels::movement::{first_of_row, place_index, remap, scatter};
pub(crate) use kernels::product::Product;
pub(crate) use kernels::rows::{LayerNormalization, Normalization, Rows, layer_normalization, normalization};
pub(crate) use kernels::{recurrent, window};
pub(crate) use shader::{Tensor, fold};
pub(crate) use storage::Storage;

/// The platform's name in errors and reports.
pub const PLATFORM: &str = "webgpu";

//! WebGPU through wgpu: native now, the browser's by the same code.
//!
//! [`lower`](lower()) turns a program into [`Dispatch`]es: text and numbers, no device, so the generator counts them too. [`Device`] makes
//! pipelines and buffers of them once ([`Compiled`]), and a run is one submission of one compute pass.
//!
//! Every data type is stored as the host has it; the file `storage.rs` says how a shader sees it. Every tensor is a binding of its own: constants and
//! inputs `read`, the arena and the outputs `read_write` with ranges that do not overlap, since WebGPU refuses one buffer that is bound
//! both for reading and for writing in one dispatch.

mod dispatch;
mod kernels;
mod lower;
mod operators;
mod shader;
mod steps;
mod storage;

#[cfg(feature = "webgpu")]
mod adapter;
#[cfg(feature = "webgpu")]
mod compile;
#[cfg(feature = "webgpu")]
mod constants;
#[cfg(feature = "webgpu")]
mod device;
#[cfg(feature = "webgpu")]
mod execute;
#[cfg(feature = "webgpu")]
mod resident;
#[cfg(feature = "webgpu")]
mod signal;
#[cfg(feature = "webgpu")]
mod tensor;

#[cfg(all(test, feature = "webgpu"))]
mod tests;

pub use dispatch::{Binding, Chunk, Dispatch, Plan, Region, Resource};
pub use lower::{Options, lower};

#[cfg(feature = "webgpu")]
pub use adapter::{AdapterChoice, AdapterLimits, AdapterReport};
#[cfg(feature = "webgpu")]
pub use compile::{Compiled, Report};
#[cfg(feature = "webgpu")]
pub use constants::Loader;
#[cfg(feature = "webgpu")]
pub use device::Device;
#[cfg(feature = "webgpu")]
pub use resident::Resident;

/// The platform's name in errors and reports.
pub const PLATFORM: &str = "webgpu";

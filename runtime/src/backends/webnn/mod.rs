//! WebNN of the browser: the graph as it was built, operator by operator, in the vocabulary that it was built in.
//!
//! Nothing is fused here: the browser's own backend recognises the forms of the specification. [`Limits`] holds a graph against what this
//! browser says it computes, before a weight is touched; it knows no browser and is tested natively. The rest exists on wasm32 alone, where
//! [`js`] looks everything up by name when it is called: the revisions of the API differ, and every call can throw.

mod limits;
mod names;

#[cfg(target_arch = "wasm32")]
mod compile;
#[cfg(target_arch = "wasm32")]
mod device;
#[cfg(target_arch = "wasm32")]
mod execute;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(target_arch = "wasm32")]
mod resident;
#[cfg(target_arch = "wasm32")]
mod tensor;

pub use limits::Limits;

#[cfg(target_arch = "wasm32")]
pub use compile::Compiled;
#[cfg(target_arch = "wasm32")]
pub use device::{ContextReport, Device};
#[cfg(target_arch = "wasm32")]
pub use resident::Resident;

/// The platform's name in errors and reports.
pub const PLATFORM: &str = "webnn";

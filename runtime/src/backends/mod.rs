//! What computes a program: one folder per platform, with the same file names inside.

#[cfg(all(target_arch = "wasm32", any(feature = "webgpu", feature = "webnn")))]
mod browser;
#[cfg(feature = "cpu")]
pub mod cpu;
#[cfg(feature = "webgpu")]
pub mod webgpu;
#[cfg(feature = "webnn")]
pub mod webnn;

//! What computes a program: one folder per platform, with the same file names inside.

#[cfg(feature = "cpu")]
pub mod cpu;
pub mod webgpu;
#[cfg(feature = "webnn")]
pub mod webnn;

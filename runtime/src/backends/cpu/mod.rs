//! This machine's processor, all cores: float32 by fast kernels, every other type by the reference kernels.

mod attention;
mod blocked;
mod compile;
mod convolution;
mod device;
mod execute;
mod kernel;
mod linear;
mod math;
mod matrix;
mod normalization;
mod number;
mod operator;
mod pointwise;
mod product;
mod reference;
mod resident;
mod shared;
mod tape;
mod vector;

#[cfg(test)]
mod tests;

pub use compile::Compiled;
pub use device::Device;
pub use kernel::{Arguments, Indices, Kernel, Output};
pub(crate) use kernel::{broadcast_strides, each_index, move_elements, move_numbered, offset, strides};
pub use number::{Number, convert, erf};
pub(crate) use number::{for_float, for_type, within_four_bits};
pub use reference::run_reference;
pub use resident::Resident;

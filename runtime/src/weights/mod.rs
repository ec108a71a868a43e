//! Weights: where a checkpoint's bytes are, what its tensors are called, and whether they fit a graph.
//! Everything read here is hostile input: checked before a byte of it is used.

mod checkpoint;
mod fit;
mod mapped;
mod names;
mod scope;
mod tensor_file;

pub use checkpoint::{Checkpoint, StoredTensor};
pub use fit::{Fit, fit};
pub use names::{Tie, WeightNames};
pub use scope::Scope;
pub use tensor_file::{parse_tensors, read_tensors, write_tensors};

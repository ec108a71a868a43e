//! Runs published models on the best device at hand.
//!
//! ```no_run
//! # async fn example() -> ipfs_accelerate::Result<()> {
//! use std::collections::BTreeMap;
//! use ipfs_accelerate::{LoadOptions, Tensor, accelerate};
//!
//! let mut model = accelerate("path/to/a/published/checkpoint", &LoadOptions::default()).await?;
//! let inputs = BTreeMap::from([("input_ids".into(), Tensor::from_slice(&[1, 3], &[101i32, 7592, 102])?)]);
//! let run = model.run(&inputs, &[]).await?;
//! println!("{:?} on {}", run.outputs, model.report().device);
//! # Ok(())
//! # }
//! ```

pub mod detect;

use std::path::Path;

#[cfg(any(feature = "text", feature = "vision", feature = "audio"))]
pub use ipfs_accelerate_pipelines as pipelines;
pub use ipfs_accelerate_runtime::model::{LoadOptions, LoadReport, Run};
pub use ipfs_accelerate_runtime::platform::{PassedOver, Platform};
pub use ipfs_accelerate_runtime::registry::{AnyModel, Entry};
pub use ipfs_accelerate_runtime::session::DeviceOptions;
use ipfs_accelerate_runtime::skill;
pub use ipfs_accelerate_runtime::weights::{Checkpoint, read_tensors, write_tensors};
pub use ipfs_accelerate_runtime::{DataType, Error, Result, Tensor};
pub use ipfs_accelerate_skills as skills;

/// Loads a checkpoint as HF publishes it; its family and head are those that its config.json names.
///
/// **Errors** a folder that cannot be read, a family without a skillset, and those of [`Entry::load`].
pub async fn accelerate(folder: impl AsRef<Path>, options: &LoadOptions) -> Result<Box<dyn AnyModel>> {
    let checkpoint = Checkpoint::open(folder)?;
    let family = skill::model_type(checkpoint.config())
        .ok_or_else(|| Error::Config("config.json has no `model_type`; load the family's module directly".into()))?;
    (entry(&family)?.load)(&checkpoint, options).await
}

/// The skillset of a family.
///
/// **Errors** [`Error::Config`] naming the families there are.
pub fn entry(family: &str) -> Result<&'static Entry> {
    skills::SKILLS.iter().find(|entry| entry.serves(family)).ok_or_else(|| {
        let known: Vec<_> = skills::SKILLS.iter().map(|entry| entry.family).collect();
        Error::Config(format!("there is no skillset for `{family}`; families: {}", known.join(", ")))
    })
}

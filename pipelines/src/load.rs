//! A model by the task that a pipeline has for it.

use ipfs_accelerate_runtime::model::LoadOptions;
use ipfs_accelerate_runtime::registry::{AnyModel, Entry};
use ipfs_accelerate_runtime::skill;
use ipfs_accelerate_runtime::tensor::Tensor;
use ipfs_accelerate_runtime::weights::Checkpoint;

use crate::error::{Error, Result};

/// Loads a checkpoint with the head that serves the task, whatever head `architectures` names: a masked-LM checkpoint gives embeddings too.
/// `options.head` overrides.
///
/// **Errors** a family without a skillset; [`Error::NoHead`]; a checkpoint that lacks the head's weights, by name.
pub async fn load(entries: &[Entry], checkpoint: &Checkpoint, pipeline: &str, options: &LoadOptions) -> Result<Box<dyn AnyModel>> {
    let missing = |reason: String| Error::ModelFile { file: "config.json".into(), reason };
    let family = skill::model_type(checkpoint.config()).ok_or_else(|| missing("expected `model_type`, the family of the model".into()))?;
    let entry = entries.iter().find(|entry| entry.serves(&family)).ok_or_else(|| {
        let known: Vec<_> = entries.iter().map(|entry| entry.family).collect();
        missing(format!("there is no skillset for `{family}`; families: {}", known.join(", ")))
    })?;
    let mut options = options.clone();
    if options.head.is_none() {
        // The head that config.json names wins where it serves: there may be two for one task.
        let named = skill::architecture(checkpoint.config());
        let serves = || entry.heads.iter().filter(|head| head.pipeline == pipeline);
        let head = serves()
            .find(|head| named.as_deref().is_some_and(|named| head.name == named || head.classes.contains(&named)))
            .or_else(|| serves().next());
        let none = || Error::NoHead {
            family,
            pipeline: pipeline.to_owned(),
            known: entry.heads.iter().map(|head| head.pipeline.to_owned()).collect(),
        };
        options.head = Some(head.ok_or_else(none)?.name.to_owned());
    }
    Ok((entry.load)(checkpoint, &options).await?)
}

/// **Errors** [`Error::WrongHead`] where the graph in use does not give an output.
pub(crate) fn require(model: &dyn AnyModel, pipeline: &'static str, output: &'static str) -> Result<()> {
    let head = model.head();
    if head.outputs.iter().any(|known| known.name == output) {
        return Ok(());
    }
    let known = head.outputs.iter().map(|output| format!("`{}`", output.name)).collect();
    Err(Error::WrongHead { head: head.name.to_owned(), pipeline, output, known })
}

/// The part of a batched output that belongs to one input, and its size without the batch.
pub(crate) fn row(tensor: &Tensor, index: usize) -> Result<&[f32]> {
    let numbers = tensor.as_slice::<f32>()?;
    let size = numbers.len() / tensor.shape().first().copied().unwrap_or(1).max(1);
    Ok(&numbers[index * size..(index + 1) * size])
}

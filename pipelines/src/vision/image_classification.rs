//! The class of a picture.

use std::collections::BTreeMap;
use std::fmt;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::model::Run;
use ipfs_accelerate_runtime::registry::AnyModel;

use super::{ImageProcessor, Picture};
use crate::answers::Label;
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::labels::{Labels, finite};
use crate::load::{require, row};

/// HF's `image-classification`.
pub struct ImageClassification {
    /// The model.
    pub model: Box<dyn AnyModel>,
    /// How pictures become numbers.
    pub processor: ImageProcessor,
    /// Names of the classes, and how scores come from logits.
    pub labels: Labels,
    /// Classes of each answer.
    pub top_k: usize,
    /// Most pictures of one run of the model.
    pub batch_size: usize,
}

impl fmt::Debug for ImageClassification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageClassification").field("head", &self.model.head().name).field("processor", &self.processor).finish()
    }
}

impl ImageClassification {
    /// HF's name of the task.
    pub const PIPELINE: &str = "image-classification";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead), and those of [`ImageProcessor::new`] and [`Labels::new`].
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        require(model.as_ref(), Self::PIPELINE, "logits")?;
        Ok(Self { model, processor: ImageProcessor::new(files)?, labels: Labels::new(files)?, top_k: 5, batch_size: 8 })
    }

    /// The best classes of every picture, in order.
    ///
    /// **Errors** [`Error::Picture`](crate::Error::Picture), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, pictures: &[Picture], control: Control<'_>) -> Result<Vec<Vec<Label>>> {
        let mut answers = Vec::with_capacity(pictures.len());
        let (labels, count) = (&self.labels, self.top_k);
        let take = |index: usize, run: &Run, place: usize| {
            let logits = run.output("logits").map_or(Ok(&[][..]), |tensor| row(tensor, place))?;
            finite(index, logits)?;
            answers.push(labels.rank(logits, count));
            Ok(())
        };
        each(self.model.as_mut(), &self.processor, pictures, self.batch_size, control, take).await?;
        Ok(answers)
    }
}

/// Runs all pictures in order, those that follow each other and are of one size together.
pub(super) async fn each(
    model: &mut dyn AnyModel,
    processor: &ImageProcessor,
    pictures: &[Picture],
    batch_size: usize,
    control: Control<'_>,
    mut take: impl FnMut(usize, &Run, usize) -> Result<()>,
) -> Result<()> {
    let mut done = 0;
    while done < pictures.len() {
        control.check().await?;
        let first = processor.process(&pictures[done])?;
        let mut numbers = first.as_slice::<f32>()?.to_vec();
        let mut count = 1;
        while count < batch_size && done + count < pictures.len() {
            let next = processor.process(&pictures[done + count])?;
            if next.shape() != first.shape() {
                break;
            }
            numbers.extend_from_slice(next.as_slice::<f32>()?);
            count += 1;
        }
        let shape = [&[count], first.shape()].concat();
        let inputs = BTreeMap::from([("pixel_values".to_owned(), Tensor::from_slice(&shape, &numbers)?)]);
        let run = model.run(&inputs, &[]).await?;
        for place in 0..count {
            take(done + place, &run, place)?;
        }
        done += count;
        control.report(done, pictures.len());
    }
    Ok(())
}

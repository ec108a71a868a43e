//! Vectors of a picture.

use std::fmt;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::model::Run;
use ipfs_accelerate_runtime::registry::AnyModel;

use super::image_classification::each;
use super::{ImageProcessor, Picture};
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::load::{require, row};

/// HF's `image-feature-extraction`.
pub struct ImageFeatureExtraction {
    /// The model.
    pub model: Box<dyn AnyModel>,
    /// How pictures become numbers.
    pub processor: ImageProcessor,
    /// Most pictures of one run of the model.
    pub batch_size: usize,
}

/// The vectors of one picture.
#[derive(Clone, Debug)]
pub struct ImageFeatures {
    /// float32 `[token, hidden]`: the class token, then a vector for each patch.
    pub last_hidden_state: Tensor,
    /// One vector for the whole picture, where the model has a pooler.
    pub pooler_output: Option<Vec<f32>>,
}

impl fmt::Debug for ImageFeatureExtraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFeatureExtraction").field("head", &self.model.head().name).field("processor", &self.processor).finish()
    }
}

impl ImageFeatureExtraction {
    /// HF's name of the task.
    pub const PIPELINE: &str = "image-feature-extraction";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead), and those of [`ImageProcessor::new`].
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        require(model.as_ref(), Self::PIPELINE, "last_hidden_state")?;
        Ok(Self { model, processor: ImageProcessor::new(files)?, batch_size: 8 })
    }

    /// The features of every picture, in order.
    ///
    /// **Errors** [`Error::Picture`](crate::Error::Picture), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, pictures: &[Picture], control: Control<'_>) -> Result<Vec<ImageFeatures>> {
        let mut answers = Vec::with_capacity(pictures.len());
        let take = |_: usize, run: &Run, place: usize| {
            // `require` has seen to it.
            let Some(states) = run.output("last_hidden_state") else { return Ok(()) };
            let last_hidden_state = Tensor::from_slice(&states.shape()[1..], row(states, place)?)?;
            let pooler_output = run.output("pooler_output").map(|tensor| row(tensor, place).map(<[f32]>::to_vec)).transpose()?;
            answers.push(ImageFeatures { last_hidden_state, pooler_output });
            Ok(())
        };
        each(self.model.as_mut(), &self.processor, pictures, self.batch_size, control, take).await?;
        Ok(answers)
    }
}

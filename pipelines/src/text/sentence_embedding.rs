//! One vector for each text.

use ipfs_accelerate_runtime::registry::AnyModel;
use serde::Serialize;

use super::pooling::{Pooling, normalize};
use super::{Text, TextModel};
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;

/// Sentence embeddings: the vectors of the tokens, pooled and normalized as the files of sentence-transformers say; without these files
/// their mean, normalized.
#[derive(Debug)]
pub struct SentenceEmbedding {
    /// The model with its tokenizer.
    pub text: TextModel,
    /// How the vectors of the tokens become one; the results of several modes come one after the other.
    pub pooling: Vec<Pooling>,
    /// Whether it is scaled to length 1, so that a dot product is the cosine.
    pub normalize: bool,
}

/// The vector of one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Embedding {
    /// As many numbers as the model is wide.
    pub vector: Vec<f32>,
    /// Tokens it was made from, special ones included.
    pub tokens: usize,
    /// True where the text was longer than the model takes.
    pub truncated: bool,
}

impl Embedding {
    /// How near two texts are: the cosine of the angle between their vectors, -1 to 1.
    pub fn cosine(&self, other: &Self) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let lengths = (dot(&self.vector, &self.vector) * dot(&other.vector, &other.vector)).sqrt();
        (dot(&self.vector, &other.vector) / lengths.max(1e-12)) as f32
    }
}

impl SentenceEmbedding {
    /// HF's name of the task that its model has.
    pub const PIPELINE: &str = "feature-extraction";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead); [`Error::ModelFile`](crate::Error::ModelFile) for stages in modules.json
    /// that are not computed here; those of [`TextEncoder::new`](super::TextEncoder::new).
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        let (pooling, normalize) = Pooling::read(files)?;
        Ok(Self { text: TextModel::new(model, files, "sentence embedding", "last_hidden_state")?, pooling, normalize })
    }

    /// The embedding of every text, in order.
    ///
    /// **Errors** [`Error::Input`](crate::Error::Input), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, texts: &[Text], control: Control<'_>) -> Result<Vec<Embedding>> {
        let mut embeddings: Vec<Option<Embedding>> = vec![None; texts.len()];
        let (pooling, normalized) = (&self.pooling, self.normalize);
        let take = |_: &_, answer: super::batches::Answer<'_>| {
            let (numbers, width) = answer.tokens("last_hidden_state")?;
            let mut vector: Vec<f32> = pooling.iter().flat_map(|mode| mode.apply(numbers, width)).collect();
            if normalized {
                normalize(&mut vector);
            }
            let embedding = Embedding { vector, tokens: answer.encoded.ids().len(), truncated: answer.encoded.truncated() };
            embeddings[answer.index] = Some(embedding);
            Ok(())
        };
        self.text.each(texts, control, take).await?;
        Ok(embeddings.into_iter().flatten().collect())
    }
}

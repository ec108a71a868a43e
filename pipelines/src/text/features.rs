//! A vector for each token.

use std::ops::Range;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::registry::AnyModel;

use super::{Text, TextModel};
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;

/// HF's `feature-extraction`: the last hidden state.
#[derive(Debug)]
pub struct FeatureExtraction(pub TextModel);

/// The tokens of one text and their vectors.
#[derive(Clone, Debug)]
pub struct TokenFeatures {
    /// Tokens as the vocabulary spells them, special ones included.
    pub tokens: Vec<String>,
    /// Bytes of the text that each stands for; empty for special tokens.
    pub spans: Vec<Range<usize>>,
    /// float32 `[token, hidden]`.
    pub vectors: Tensor,
    /// True where the text was longer than the model takes.
    pub truncated: bool,
}

impl FeatureExtraction {
    /// HF's name of the task.
    pub const PIPELINE: &str = "feature-extraction";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead), and those of [`TextEncoder::new`](super::TextEncoder::new).
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        TextModel::new(model, files, Self::PIPELINE, "last_hidden_state").map(Self)
    }

    /// The features of every text, in order.
    ///
    /// **Errors** [`Error::Input`](crate::Error::Input), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, texts: &[Text], control: Control<'_>) -> Result<Vec<TokenFeatures>> {
        let mut features: Vec<Option<TokenFeatures>> = vec![None; texts.len()];
        let take = |_: &_, answer: super::batches::Answer<'_>| {
            let encoded = answer.encoded;
            let (numbers, width) = answer.tokens("last_hidden_state")?;
            let count = encoded.ids().len();
            features[answer.index] = Some(TokenFeatures {
                tokens: encoded.tokens().to_vec(),
                spans: (0..count).map(|token| encoded.span(token)).collect(),
                vectors: Tensor::from_slice(&[count, width], numbers)?,
                truncated: encoded.truncated(),
            });
            Ok(())
        };
        self.0.each(texts, control, take).await?;
        Ok(features.into_iter().flatten().collect())
    }
}

//! The class of a text.

use ipfs_accelerate_runtime::registry::AnyModel;
use serde::Serialize;

use super::{Text, TextModel};
use crate::answers::Label;
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::labels::{Labels, finite};

/// HF's `text-classification`.
#[derive(Debug)]
pub struct TextClassification {
    /// The model with its tokenizer.
    pub text: TextModel,
    /// Names of the classes, and how scores come from logits.
    pub labels: Labels,
    /// Classes of each answer.
    pub top_k: usize,
}

/// The classes of one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassifiedText {
    /// Best first.
    pub labels: Vec<Label>,
    /// True where the text was longer than the model takes.
    pub truncated: bool,
}

impl TextClassification {
    /// HF's name of the task.
    pub const PIPELINE: &str = "text-classification";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead), and those of [`Labels::new`] and
    /// [`TextEncoder::new`](super::TextEncoder::new).
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        Ok(Self { text: TextModel::new(model, files, Self::PIPELINE, "logits")?, labels: Labels::new(files)?, top_k: 5 })
    }

    /// The best classes of every text, in order.
    ///
    /// **Errors** [`Error::Input`](crate::Error::Input), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, texts: &[Text], control: Control<'_>) -> Result<Vec<ClassifiedText>> {
        let mut answers: Vec<Option<ClassifiedText>> = vec![None; texts.len()];
        let (labels, count) = (&self.labels, self.top_k);
        let take = |_: &_, answer: super::batches::Answer<'_>| {
            let logits = answer.whole("logits")?;
            finite(answer.index, logits)?;
            answers[answer.index] = Some(ClassifiedText { labels: labels.rank(logits, count), truncated: answer.encoded.truncated() });
            Ok(())
        };
        self.text.each(texts, control, take).await?;
        Ok(answers.into_iter().flatten().collect())
    }
}

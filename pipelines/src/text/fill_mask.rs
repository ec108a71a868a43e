//! What may stand where a text has a mask.

use ipfs_accelerate_runtime::registry::AnyModel;
use serde::Serialize;

use super::{Text, TextModel};
use crate::answers::{softmax, top_k};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::files::ModelFiles;
use crate::labels::finite;

/// HF's `fill-mask`.
#[derive(Debug)]
pub struct FillMask {
    /// The model with its tokenizer.
    pub text: TextModel,
    /// Fillings of each mask.
    pub top_k: usize,
    mask: (u32, String),
}

/// One filling of one mask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilledMask {
    /// The token's number.
    pub token: u32,
    /// The token as text.
    pub token_str: String,
    /// Its probability.
    pub score: f32,
    /// The text with it; other masks stay.
    pub sequence: String,
}

impl FillMask {
    /// HF's name of the task.
    pub const PIPELINE: &str = "fill-mask";

    /// **Errors** [`Error::WrongHead`]; [`Error::ModelFile`] where the tokenizer has no `mask_token`.
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        let text = TextModel::new(model, files, Self::PIPELINE, "logits")?;
        let none = || Error::ModelFile { file: "tokenizer_config.json".into(), reason: "expected `mask_token`, the token to fill".into() };
        let mask = text.encoder.special_token("mask_token")?.ok_or_else(none)?;
        Ok(Self { text, top_k: 5, mask })
    }

    /// The token to write where something is to be filled in, such as `[MASK]`.
    pub fn mask_token(&self) -> &str {
        &self.mask.1
    }

    /// For every text, for each of its masks, the best fillings, best first.
    ///
    /// **Errors** [`Error::Input`] for a text without a mask; [`Error::Cancelled`]; the model's.
    pub async fn run(&mut self, texts: &[Text], control: Control<'_>) -> Result<Vec<Vec<Vec<FilledMask>>>> {
        let (mask, count) = (self.mask.clone(), self.top_k);
        let mut filled: Vec<Vec<Vec<FilledMask>>> = vec![Vec::new(); texts.len()];
        let take = |encoder: &super::TextEncoder, answer: super::batches::Answer<'_>| {
            let (index, ids) = (answer.index, answer.encoded.ids());
            let (logits, vocabulary) = answer.tokens("logits")?;
            let masks: Vec<usize> = (0..ids.len()).filter(|&place| ids[place] == mask.0).collect();
            if masks.is_empty() {
                let reason = match answer.encoded.truncated() {
                    true => format!("no `{}` in the first {} tokens, which is all that the model takes", mask.1, ids.len()),
                    false => format!("no `{}` to fill; write it where a word is to stand", mask.1),
                };
                return Err(Error::Input { index, reason });
            }
            let pad = encoder.pad().ok();
            for &place in &masks {
                let row = &logits[place * vocabulary..(place + 1) * vocabulary];
                finite(index, row)?;
                let scores = softmax(row);
                let fillings = top_k(&scores, count).into_iter().map(|token| {
                    let mut sequence = ids.to_vec();
                    sequence[place] = token as u32;
                    sequence.retain(|id| Some(*id) != pad);
                    Ok(FilledMask {
                        token: token as u32,
                        token_str: encoder.decode(&[token as u32], false)?,
                        score: scores[token],
                        sequence: encoder.decode(&sequence, masks.len() == 1)?,
                    })
                });
                filled[index].push(fillings.collect::<Result<_>>()?);
            }
            Ok(())
        };
        self.text.each(texts, control, take).await?;
        Ok(filled)
    }
}

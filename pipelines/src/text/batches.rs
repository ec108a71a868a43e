//! Texts through a model, a batch at a time.

use std::collections::BTreeMap;
use std::fmt;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::model::Run;
use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::skill::InputDefault;

use super::encoder::{Encoded, Text, TextEncoder};
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::load::{require, row};

/// How texts are put together.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// Most texts of one run of the model.
    pub batch_size: usize,
    /// Lengths are rounded up to a multiple of this, so that texts of similar length share one compiled graph.
    pub pad_to_multiple_of: usize,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { batch_size: 16, pad_to_multiple_of: 8 }
    }
}

/// A model that reads `input_ids`, with its tokenizer.
pub struct TextModel {
    /// The model.
    pub model: Box<dyn AnyModel>,
    /// Its tokenizer.
    pub encoder: TextEncoder,
    /// How texts are put together.
    pub options: BatchOptions,
}

impl fmt::Debug for TextModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextModel").field("head", &self.model.head().name).field("limit", &self.encoder.limit()).finish()
    }
}

/// One text of a batch that was run.
pub(super) struct Answer<'a> {
    /// Which text.
    pub(super) index: usize,
    /// Its tokens.
    pub(super) encoded: &'a Encoded,
    run: &'a Run,
    row: usize,
    first: usize,
    length: usize,
}

impl<'a> Answer<'a> {
    /// An output of the whole text.
    pub(super) fn whole(&self, output: &str) -> Result<&'a [f32]> {
        match self.run.output(output) {
            Some(tensor) => row(tensor, self.row),
            None => Ok(&[]),
        }
    }

    /// An output with a vector for each token, padding left out, and the size of a vector.
    pub(super) fn tokens(&self, output: &str) -> Result<(&'a [f32], usize)> {
        let whole = self.whole(output)?;
        let width = whole.len() / self.length;
        Ok((&whole[self.first * width..(self.first + self.encoded.ids().len()) * width], width))
    }
}

impl TextModel {
    /// A model that gives `output`, with its tokenizer.
    pub(super) fn new(model: Box<dyn AnyModel>, files: &ModelFiles, pipeline: &'static str, output: &'static str) -> Result<Self> {
        require(model.as_ref(), pipeline, output)?;
        let encoder = TextEncoder::new(files, model.as_ref())?;
        Ok(Self { model, encoder, options: BatchOptions::default() })
    }

    /// Runs all texts, longest first, and hands each answer over.
    pub(super) async fn each(
        &mut self,
        texts: &[Text],
        control: Control<'_>,
        mut take: impl FnMut(&TextEncoder, Answer<'_>) -> Result<()>,
    ) -> Result<()> {
        let encoded = texts.iter().enumerate().map(|(index, text)| self.encoder.encode(text, index)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(encoded[index].ids().len()));
        let mut done = 0;
        for batch in order.chunks(self.options.batch_size.max(1)) {
            control.check().await?;
            let chosen: Vec<&Encoded> = batch.iter().map(|&index| &encoded[index]).collect();
            let (inputs, length) = self.inputs(&chosen)?;
            let run = self.model.run(&inputs, &[]).await?;
            for (row, &index) in batch.iter().enumerate() {
                let encoded = &encoded[index];
                let first = if self.encoder.pads_left() { length - encoded.ids().len() } else { 0 };
                take(&self.encoder, Answer { index, encoded, run: &run, row, first, length })?;
            }
            done += batch.len();
            control.report(done, texts.len());
        }
        Ok(())
    }

    /// The tensors of a batch, and its length.
    fn inputs(&self, batch: &[&Encoded]) -> Result<(BTreeMap<String, Tensor>, usize)> {
        let known = self.model.inputs();
        let takes = |name: &str| known.iter().any(|input| input.name == name);
        let longest = batch.iter().map(|encoded| encoded.ids().len()).max().unwrap_or(1);
        let shortest = batch.iter().map(|encoded| encoded.ids().len()).min().unwrap_or(1);
        let rounded = longest.next_multiple_of(self.options.pad_to_multiple_of.max(1)).min(self.encoder.limit());
        // Without a mask, or without a token to pad with, only texts of one length go together, as they are.
        let padded = takes("attention_mask") && (self.encoder.pad().is_ok() || longest != shortest);
        let length = if padded { rounded } else { longest };
        let pad = if shortest == length { 0 } else { self.encoder.pad()? as i32 };
        let fill = |number: &dyn Fn(&Encoded, usize) -> i32, filling: i32| -> Result<Tensor> {
            let mut numbers = Vec::with_capacity(batch.len() * length);
            for encoded in batch {
                let filler = std::iter::repeat_n(filling, length - encoded.ids().len());
                let own = (0..encoded.ids().len()).map(|token| number(encoded, token));
                if self.encoder.pads_left() {
                    numbers.extend(filler.chain(own));
                } else {
                    numbers.extend(own.chain(filler));
                }
            }
            Ok(Tensor::from_slice(&[batch.len(), length], &numbers)?)
        };
        let mut inputs = BTreeMap::from([("input_ids".to_owned(), fill(&|encoded, token| encoded.ids()[token] as i32, pad)?)]);
        if takes("attention_mask") {
            inputs.insert("attention_mask".to_owned(), fill(&|_, _| 1, 0)?);
        }
        if takes("token_type_ids") {
            inputs.insert("token_type_ids".to_owned(), fill(&|encoded, token| encoded.type_ids()[token] as i32, 0)?);
        }
        // Padding on the left does not move a text: its answer is that of the text alone.
        let counted = known.iter().any(|input| input.name == "position_ids" && input.default == InputDefault::Positions);
        if self.encoder.pads_left() && counted {
            inputs.insert("position_ids".to_owned(), fill(&|_, token| token as i32, 0)?);
        }
        Ok((inputs, length))
    }
}

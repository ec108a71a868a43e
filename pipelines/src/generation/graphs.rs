//! A decoder over the graphs of a model: keys and values stay on the device from token to token.

use std::collections::BTreeMap;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::model::{OpenGraph, States};
use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::session::SessionReport;
use ipfs_accelerate_runtime::skill::{Generation, Sizes};

use super::search::Decoder;
use crate::error::{Error, Result};
use crate::load::row;

/// The graphs that write a text: encode once, a step for each token, and another order of the texts between steps.
#[derive(Debug)]
pub struct GraphDecoder {
    generation: Generation,
    encode: Option<OpenGraph>,
    step: OpenGraph,
    reorder: Option<OpenGraph>,
    states: States,
    /// Where one row is encoded for several texts.
    single: Option<States>,
    rows: usize,
    position: usize,
}

impl GraphDecoder {
    /// Compiles the graphs of a model for as many texts at once.
    ///
    /// **Errors** [`Error::WrongHead`] for a model that writes no text; several texts of a model that cannot reorder them; the device's.
    pub async fn new(model: &dyn AnyModel, rows: usize) -> Result<Self> {
        let known = || model.head().outputs.iter().map(|output| format!("`{}`", output.name)).collect();
        let Some(generation) = model.generation() else {
            let head = model.head().name.to_owned();
            return Err(Error::WrongHead { head, pipeline: "generation", output: "a next token", known: known() });
        };
        let sizes = Sizes::new([("batch", rows)]);
        let states = model.states(&sizes).await?;
        let one = Sizes::new([("batch", 1)]);
        let single = if rows > 1 && generation.encode.is_some() { Some(model.states(&one).await?) } else { None };
        let encode = match generation.encode {
            Some(name) => Some(model.open_graph(name, &one, single.as_ref().unwrap_or(&states)).await?),
            None => None,
        };
        let step = model.open_graph(generation.step, &sizes, &states).await?;
        let reorder = match generation.reorder {
            Some(name) if rows > 1 => Some(model.open_graph(name, &sizes, &states).await?),
            _ => None,
        };
        if rows > 1 && (reorder.is_none() || generation.order.is_none()) {
            return Err(Error::Input { index: 0, reason: "this model follows one text at a time; ask for one beam".into() });
        }
        Ok(Self { generation, encode, step, reorder, states, single, rows, position: 0 })
    }

    /// Most tokens of a text.
    pub fn capacity(&self) -> usize {
        self.generation.capacity
    }

    /// What a step costs.
    pub fn report(&self) -> SessionReport {
        self.step.report()
    }

    /// Texts at once.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the text is about: runs the first graph on inputs without the batch, the same for every text.
    ///
    /// **Errors** the inputs', by name; the device's.
    pub async fn encode(&mut self, inputs: &BTreeMap<String, Tensor>) -> Result<()> {
        self.states.clear()?;
        self.position = 0;
        let Some(encode) = &mut self.encode else { return Ok(()) };
        let mut given = BTreeMap::new();
        for (name, tensor) in inputs {
            given.insert(name.clone(), tensor.reshaped(&[&[1], tensor.shape()].concat())?);
        }
        encode.run(&given).await?;
        match &self.single {
            Some(single) => Ok(self.states.repeat(single).await?),
            None => Ok(()),
        }
    }

    async fn token(&mut self, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        if self.position >= self.generation.capacity {
            return Err(Error::Input { index: 0, reason: format!("the text is longer than {} tokens", self.generation.capacity) });
        }
        let tokens: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
        let given = BTreeMap::from([
            (self.generation.token.to_owned(), Tensor::from_slice(&[self.rows, 1], &tokens)?),
            (self.generation.position.to_owned(), Tensor::from_slice(&[1], &[self.position as i32])?),
        ]);
        let outputs = self.step.run(&given).await?;
        self.position += 1;
        let missing = || Error::Input { index: 0, reason: format!("the step gives no `{}`", self.generation.logits) };
        let (_, logits) = outputs.iter().find(|(name, _)| name == self.generation.logits).ok_or_else(missing)?;
        (0..self.rows).map(|index| Ok(row(logits, index)?.to_vec())).collect()
    }
}

impl Decoder for GraphDecoder {
    async fn begin(&mut self, prompt: &[u32], rows: usize) -> Result<Vec<f32>> {
        if rows != self.rows {
            return Err(Error::Input { index: 0, reason: format!("{rows} texts, but the graphs are compiled for {}", self.rows) });
        }
        // What was heard stays; the text begins anew, and steps read no place that comes after their own.
        self.position = 0;
        let mut scores = Vec::new();
        for &token in prompt {
            scores = self.token(&vec![token; rows]).await?.swap_remove(0);
        }
        Ok(scores)
    }

    async fn step(&mut self, origins: &[usize], tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let moved = origins.iter().enumerate().any(|(row, &origin)| row != origin);
        if let (true, Some(reorder), Some(order)) = (moved, &mut self.reorder, self.generation.order) {
            let origins: Vec<i32> = origins.iter().map(|&origin| origin as i32).collect();
            reorder.run(&BTreeMap::from([(order.to_owned(), Tensor::from_slice(&[self.rows], &origins)?)])).await?;
        }
        self.token(tokens).await
    }
}

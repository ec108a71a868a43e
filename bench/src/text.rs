//! A text as what is measured: encode once, then every token greedily, keys and values on the device.
//!
//! As `generate(do_sample=False, min_new_tokens=n, max_new_tokens=n)`: the rules of generation_config.json hold, and no text ends early.

use ipfs_accelerate_pipelines::generation::{Decoder, EarlyStopping, GenerationConfig, GraphDecoder, Rule, Search, search};
use ipfs_accelerate_pipelines::{Control, Error as PipelineError};
use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::registry::AnyModel;
use web_time::Instant;

use super::{Cold, Failure, Reference, Start, Tensors, milliseconds, near};

/// The reference's output of tokens, `[1, prompt + new]`, as HF calls it.
pub(crate) const SEQUENCES: &str = "sequences";

/// A model that writes one text.
pub(crate) struct Text {
    decoder: GraphDecoder,
    /// Of the first graph, without the batch.
    inputs: Tensors,
    prompt: Vec<u32>,
    search: Search,
    tokens: Vec<u32>,
}

impl Text {
    /// Compiles the graphs, writes the text once, and holds it and the scores of its last token against the reference.
    ///
    /// **Errors** [`Failure::Parity`] for another token than the reference's.
    pub(crate) async fn start(model: &dyn AnyModel, reference: &Reference, load_ms: f64, tolerance: f32) -> Result<(Self, Start), Failure> {
        let generation = model.generation().ok_or_else(|| Failure::Failed(format!("`{}` writes no text", model.head().name)))?;
        let wrong = |reason: String| Failure::Failed(format!("the reference's {reason}"));
        let sequence = ids(reference.outputs.get(SEQUENCES)).ok_or_else(|| wrong(format!("`{SEQUENCES}` is no int64[1, n]")))?;
        let mut inputs = Tensors::new();
        let mut prompt = None;
        for (name, tensor) in &reference.inputs {
            match tensor.shape() {
                _ if name == generation.ids => prompt = ids(Some(tensor)),
                [1, shape @ ..] => _ = inputs.insert(name.clone(), tensor.reshaped(shape)?),
                other => return Err(wrong(format!("`{name}` is of shape {other:?}; one text is measured"))),
            }
        }
        let prompt = prompt.ok_or_else(|| wrong(format!("`{}`, the prompt, is missing or no int64[1, n]", generation.ids)))?;
        let Some(tokens) = sequence.strip_prefix(prompt.as_slice()) else {
            return Err(wrong(format!("`{SEQUENCES}` does not begin with the prompt")));
        };
        let config = GenerationConfig::new(&reference.files)?;
        let mut rules = config.rules();
        rules.push(Rule::Suppress(config.eos_token_id.clone()));
        let search = Search {
            num_beams: 1,
            max_length: sequence.len(),
            length_penalty: 1.0,
            early_stopping: EarlyStopping::default(),
            eos_token_id: Vec::new(),
            rules,
        };
        let started = Instant::now();
        let decoder = GraphDecoder::new(model, 1).await?;
        let compile_ms = milliseconds(started);
        let mut text = Self { decoder, inputs, prompt, search, tokens: tokens.to_vec() };
        let (first_run_ms, scores) = text.write().await?;
        let logits = Tensor::from_slice(&[1, scores.len()], &scores)?;
        let distances = near(&[(generation.logits.to_owned(), logits)], &reference.outputs, tolerance)?;
        let load = model.report().clone();
        let cold = Cold { context_ms: load.open_ms, weights_ms: load_ms - load.open_ms, compile_ms, first_run_ms };
        let sizes = [("batch", 1), ("prompt", text.prompt.len()), ("new_tokens", text.tokens.len())];
        let sizes = sizes.into_iter().map(|(name, size)| (name.to_owned(), size)).collect();
        let start = Start { load, session: text.decoder.report(), sizes, cold, distances };
        Ok((text, start))
    }

    /// Milliseconds from the inputs to the text.
    pub(crate) async fn run(&mut self) -> Result<f64, Failure> {
        Ok(self.write().await?.0)
    }

    /// Writes the text: how long that took, and the scores of its last token.
    async fn write(&mut self) -> Result<(f64, Vec<f32>), Failure> {
        let started = Instant::now();
        self.decoder.encode(&self.inputs).await?;
        let mut decoder = Watched { decoder: &mut self.decoder, last: Vec::new() };
        let written = search(&mut decoder, &self.prompt, &self.search, Control::default(), &mut |_| {}).await?;
        let took = milliseconds(started);
        match written.tokens.iter().zip(&self.tokens).position(|(found, wanted)| found != wanted) {
            Some(place) => {
                let (found, wanted) = (written.tokens[place], self.tokens[place]);
                Err(Failure::Parity(format!("new token {place} is {found}, the reference's {wanted}")))
            }
            None => Ok((took, decoder.last)),
        }
    }
}

/// A decoder whose last scores are kept.
struct Watched<'a> {
    decoder: &'a mut GraphDecoder,
    last: Vec<f32>,
}

impl Decoder for Watched<'_> {
    async fn begin(&mut self, prompt: &[u32], rows: usize) -> Result<Vec<f32>, PipelineError> {
        let scores = self.decoder.begin(prompt, rows).await?;
        self.last.clone_from(&scores);
        Ok(scores)
    }

    async fn step(&mut self, origins: &[usize], tokens: &[u32]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let scores = self.decoder.step(origins, tokens).await?;
        if let Some(scores) = scores.first() {
            self.last.clone_from(scores);
        }
        Ok(scores)
    }
}

/// The tokens of one text.
fn ids(tensor: Option<&Tensor>) -> Option<Vec<u32>> {
    let tensor = tensor.filter(|tensor| tensor.shape().len() == 2 && tensor.shape()[0] == 1)?;
    tensor.as_slice::<i64>().ok()?.iter().map(|&id| u32::try_from(id).ok()).collect()
}

//! One model on one platform, measured: the cold steps once, parity with the published model, then single warm runs.
//!
//! A run is one forward pass, or, where the reference's outputs hold `sequences`, a text: what is encoded and every token of it, greedily.
//!
//! The same code runs natively and in a browser. A time is given only for what agreed with the reference: [`Subject::start`] fails where it
//! does not, and there is no other way to a [`Subject`]. Turns, peers and statistics are the caller's (`cargo xtask bench`).

use std::collections::BTreeMap;
use std::fmt;

use ipfs_accelerate_pipelines::ModelFiles;
use ipfs_accelerate_runtime::model::{LoadOptions, LoadReport};
use ipfs_accelerate_runtime::registry::{AnyModel, Entry};
use ipfs_accelerate_runtime::session::SessionReport;
use ipfs_accelerate_runtime::weights::{Checkpoint, parse_tensors};
use ipfs_accelerate_runtime::{Error, Tensor};
use ipfs_accelerate_skills::SKILLS;
use serde::Serialize;
use web_time::Instant;

mod text;

/// Named tensors.
pub type Tensors = BTreeMap<String, Tensor>;

/// Why there is nothing to measure.
#[derive(Debug)]
pub enum Failure {
    /// The platform is not there.
    Unavailable(String),
    /// It computes something else than the published model.
    Parity(String),
    /// Everything else.
    Failed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unavailable(reason) | Failure::Parity(reason) | Failure::Failed(reason) => f.write_str(reason),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { .. } => Failure::Unavailable(error.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl From<ipfs_accelerate_pipelines::Error> for Failure {
    fn from(error: ipfs_accelerate_pipelines::Error) -> Self {
        match error {
            ipfs_accelerate_pipelines::Error::Runtime(error) => error.into(),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl Failure {
    /// `{"event": "skipped" | "failed", "reason"}`, as the orchestrator reads it.
    pub fn to_json(&self) -> serde_json::Value {
        let event = if matches!(self, Failure::Unavailable(_)) { "skipped" } else { "failed" };
        serde_json::json!({ "event": event, "reason": self.to_string() })
    }
}

/// What to measure, and what it must compute.
#[derive(Debug)]
pub struct Reference {
    /// Weights and config.
    pub checkpoint: Checkpoint,
    /// The small files beside the weights: generation_config.json.
    pub files: ModelFiles,
    /// Inputs by HF's names.
    pub inputs: Tensors,
    /// Outputs of the published model on them.
    pub outputs: Tensors,
}

impl Reference {
    /// From the files' bytes; `files` are the small ones.
    ///
    /// **Errors** a file that is broken.
    pub fn from_bytes(
        config: String,
        files: Vec<(String, Vec<u8>)>,
        weights: Vec<(String, Vec<u8>)>,
        inputs: &[u8],
        outputs: &[u8],
    ) -> Result<Self, Failure> {
        let own = ("config.json".to_owned(), config.clone().into_bytes());
        Ok(Self {
            files: ModelFiles::from_bytes(files.into_iter().chain([own])),
            checkpoint: Checkpoint::from_bytes(config, weights)?,
            inputs: parse_tensors("inputs.safetensors", inputs)?,
            outputs: parse_tensors("outputs.safetensors", outputs)?,
        })
    }
}

/// Milliseconds of what happens once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cold {
    /// Opening the device.
    pub context_ms: f64,
    /// Holding the checkpoint against the model.
    pub weights_ms: f64,
    /// Building, compiling and uploading the graph of these sizes.
    pub compile_ms: f64,
    /// The first run, from inputs to outputs in host memory.
    pub first_run_ms: f64,
}

/// What is known before the first warm run.
#[derive(Debug, Serialize)]
pub struct Start {
    /// What was found out while loading.
    pub load: LoadReport,
    /// What the compiled graph costs.
    pub session: SessionReport,
    /// Symbolic sizes of the run.
    pub sizes: BTreeMap<String, usize>,
    /// What happened once.
    pub cold: Cold,
    /// Largest absolute distance of each output from the reference.
    pub distances: BTreeMap<String, f32>,
}

/// A loaded model whose outputs agree with the reference.
pub struct Subject(Task);

enum Task {
    Forward { model: Box<dyn AnyModel>, inputs: Tensors },
    Text(Box<text::Text>),
}

impl Subject {
    /// Loads, compiles, runs once, and holds every output that the reference has against it.
    ///
    /// **Errors** [`Failure::Unavailable`] where the platform is not there, [`Failure::Parity`] where an output is further off than
    /// `tolerance` or the reference has none of the outputs.
    pub async fn start(family: &str, reference: Reference, options: &LoadOptions, tolerance: f32) -> Result<(Self, Start), Failure> {
        let entry = entry(family)?;
        let started = Instant::now();
        let mut model = (entry.load)(&reference.checkpoint, options).await?;
        let load_ms = milliseconds(started);
        if reference.outputs.contains_key(text::SEQUENCES) {
            let (text, start) = text::Text::start(model.as_ref(), &reference, load_ms, tolerance).await?;
            return Ok((Self(Task::Text(Box::new(text))), start));
        }
        let run = model.run(&reference.inputs, &[]).await?;
        let distances = near(&run.outputs, &reference.outputs, tolerance)?;
        let load = model.report().clone();
        let start = Start {
            session: run.session,
            sizes: run.sizes.iter().map(|(name, size)| (name.to_owned(), size)).collect(),
            cold: Cold {
                context_ms: load.open_ms,
                weights_ms: load_ms - load.open_ms,
                compile_ms: run.compile_ms,
                first_run_ms: run.run_ms,
            },
            load,
            distances,
        };
        Ok((Self(Task::Forward { model, inputs: reference.inputs }), start))
    }

    /// One warm run: milliseconds from the inputs to the outputs, or the text, in host memory.
    ///
    /// **Errors** the device's.
    pub async fn run(&mut self) -> Result<f64, Failure> {
        match &mut self.0 {
            Task::Forward { model, inputs } => Ok(model.run(inputs, &[]).await?.run_ms),
            Task::Text(text) => text.run().await,
        }
    }
}

fn entry(family: &str) -> Result<&'static Entry, Failure> {
    SKILLS.iter().find(|entry| entry.family == family).ok_or_else(|| {
        let known: Vec<_> = SKILLS.iter().map(|entry| entry.family).collect();
        Failure::Failed(format!("there is no skillset for `{family}`; families: {}", known.join(", ")))
    })
}

/// As [`distances`].
///
/// **Errors** an output further off than `tolerance`.
fn near(found: &[(String, Tensor)], wanted: &Tensors, tolerance: f32) -> Result<BTreeMap<String, f32>, Failure> {
    let distances = distances(found, wanted)?;
    match distances.iter().find(|(_, distance)| distance.is_nan() || **distance > tolerance) {
        Some((name, distance)) => {
            Err(Failure::Parity(format!("`{name}` is {distance:e} from the reference; at most {tolerance:e} is allowed")))
        }
        None => Ok(distances),
    }
}

/// Largest absolute distance of every output that the reference has too; NaN where either has one that the other lacks.
fn distances(found: &[(String, Tensor)], wanted: &Tensors) -> Result<BTreeMap<String, f32>, Failure> {
    let mut distances = BTreeMap::new();
    for (name, found) in found {
        let Some(wanted) = wanted.get(name) else { continue };
        if wanted.descriptor() != found.descriptor() {
            return Err(Failure::Parity(format!("`{name}` is {}, the reference {}", found.descriptor(), wanted.descriptor())));
        }
        let pairs = found.as_slice::<f32>()?.iter().zip(wanted.as_slice::<f32>()?);
        let far = pairs.map(|(found, wanted)| if found == wanted { 0.0 } else { (found - wanted).abs() });
        distances
            .insert(name.clone(), far.fold(0.0, |far: f32, next| if far.is_nan() || next.is_nan() { f32::NAN } else { far.max(next) }));
    }
    if distances.is_empty() {
        let names: Vec<_> = wanted.keys().map(String::as_str).collect();
        return Err(Failure::Parity(format!("none of the outputs stands in the reference, which has {}", names.join(", "))));
    }
    Ok(distances)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(values: &[f32]) -> Tensors {
        BTreeMap::from([("x".to_owned(), Tensor::from_slice(&[values.len()], values).unwrap())])
    }

    fn distance(found: &[f32], wanted: &[f32]) -> Result<f32, String> {
        let found: Vec<_> = tensors(found).into_iter().collect();
        distances(&found, &tensors(wanted)).map(|distances| distances["x"]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn distances_are_the_largest_and_nan_is_far() {
        assert_eq!(distance(&[1.0, 2.0], &[1.0, 2.5]), Ok(0.5));
        assert!(distance(&[1.0, f32::NAN, 3.0], &[1.0, 2.0, 3.0]).unwrap().is_nan());
        assert!(distance(&[1.0, 2.0], &[f32::NAN, 2.0]).unwrap().is_nan());
        assert_eq!(distance(&[f32::INFINITY], &[f32::INFINITY]), Ok(0.0));
        assert!(distance(&[1.0], &[1.0, 2.0]).unwrap_err().contains("`x` is float32[1]"));
    }

    #[test]
    fn a_reference_without_the_outputs_is_no_parity() {
        let found = vec![("y".to_owned(), Tensor::from_slice(&[1], &[1f32]).unwrap())];
        assert!(matches!(distances(&found, &tensors(&[1.0])), Err(Failure::Parity(_))));
    }
}

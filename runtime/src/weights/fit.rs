//! Holds a checkpoint against the weights of a graph, before anything is computed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use safetensors::Dtype;

use super::{Checkpoint, StoredTensor, WeightNames};
use crate::error::{Error, Result, WeightError};
use crate::graph::{DataType, Graph, OperandDescriptor};
use crate::optimize::{PackedConstant, Part};
use crate::tensor::Tensor;

/// A checkpoint that fits: every weight of the graph by its name in the graph.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    stored: BTreeMap<String, (String, StoredTensor)>,
    packed: Arc<Mutex<HashMap<String, Tensor>>>,
    /// Tensors of the checkpoint that the graph does not read, those the model's spec calls harmless left out.
    pub surplus: Vec<String>,
    /// Types that are widened to the graph's float32, without loss: type -> how many tensors.
    pub widened: BTreeMap<String, usize>,
}

impl Fit {
    /// The weight of this name as the graph takes it: the file's own bytes where they are float32 and aligned, else widened.
    ///
    /// **Errors** [`Error::Checkpoint`] for a name that the fit was not made for.
    pub fn tensor(&self, name: &str, descriptor: &OperandDescriptor) -> Result<Tensor> {
        let missing =
            || Error::Checkpoint(vec![WeightError::Missing { name: name.to_owned(), expected: descriptor.clone(), tried: vec![] }]);
        let (_, stored) = self.stored.get(name).ok_or_else(missing)?;
        match stored.dtype {
            Dtype::F32 => {
                let (bytes, range) = stored.shared();
                Tensor::shared(descriptor.clone(), bytes, range)
            }
            Dtype::F16 => widen(descriptor, stored.bytes(), |bits| half::f16::from_bits(bits).to_f32()),
            Dtype::BF16 => widen(descriptor, stored.bytes(), |bits| half::bf16::from_bits(bits).to_f32()),
            _ => Err(Error::Checkpoint(vec![type_error(name, descriptor.data_type, stored.dtype)])),
        }
    }
}

impl Fit {
    /// Names, as the checkpoint spells them, of the tensors in use.
    pub fn spellings(&self) -> Vec<String> {
        self.stored.values().map(|(spelling, _)| spelling.clone()).collect()
    }

    /// A constant of a compiled graph: a weight as it lies, or several parts copied one after another, once.
    ///
    /// **Errors** as [`Fit::tensor`].
    pub fn constant(&self, constant: &PackedConstant) -> Result<Tensor> {
        if let [part] = constant.parts.as_slice() {
            return self.part(part);
        }
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tensor) = packed.get(&constant.key) {
            return Ok(tensor.clone());
        }
        let mut whole = Tensor::zeros(constant.descriptor.clone());
        let mut rest = whole.bytes_mut();
        for part in &constant.parts {
            let tensor = self.part(part)?;
            let (place, after) = rest.split_at_mut(tensor.bytes().len());
            place.copy_from_slice(tensor.bytes());
            rest = after;
        }
        packed.insert(constant.key.clone(), whole.clone());
        Ok(whole)
    }

    fn part(&self, part: &Part) -> Result<Tensor> {
        match part {
            Part::Weight { name, descriptor } => self.tensor(name, descriptor),
            Part::Bytes { bytes, descriptor } => Tensor::new(descriptor.clone(), bytes),
            Part::Zeros { descriptor } => Ok(Tensor::zeros(descriptor.clone())),
        }
    }
}

/// Finds every weight of `graph` in `checkpoint`.
///
/// **Errors** [`Error::Checkpoint`] with all tensors that are missing, of another shape, or of a type that does not widen
/// to the graph's without loss.
pub fn fit(graph: &Graph, checkpoint: &Checkpoint, names: &WeightNames) -> Result<Fit> {
    let mut fit = Fit::default();
    let mut errors = Vec::new();
    let mut read = BTreeSet::new();
    for (name, id) in graph.weights() {
        let expected = graph.descriptor(*id);
        let tried = names.spellings(name);
        let Some((spelling, stored)) = tried.iter().find_map(|spelling| Some((spelling, checkpoint.tensor(spelling)?))) else {
            errors.push(WeightError::Missing { name: name.clone(), expected: expected.clone(), tried });
            continue;
        };
        read.insert(spelling.clone());
        if stored.shape != expected.shape {
            errors.push(WeightError::Shape { name: spelling.clone(), expected: expected.shape.clone(), found: stored.shape.clone() });
            continue;
        }
        match (expected.data_type, stored.dtype) {
            (DataType::Float32, Dtype::F32) => {}
            (DataType::Float32, Dtype::F16 | Dtype::BF16) => *fit.widened.entry(type_name(stored.dtype)).or_default() += 1,
            (expected, found) => {
                errors.push(type_error(spelling, expected, found));
                continue;
            }
        }
        fit.stored.insert(name.clone(), (spelling.clone(), stored.clone()));
    }
    if !errors.is_empty() {
        return Err(Error::Checkpoint(errors));
    }
    let mut tied = BTreeSet::new();
    tied.extend(names.tied.iter().flat_map(|tie| names.spellings(tie.name)));
    let known = |name: &String| read.contains(name) || tied.contains(name) || names.is_ignored(name);
    fit.surplus = checkpoint.tensors().keys().filter(|name| !known(name)).cloned().collect();
    Ok(fit)
}

fn type_error(name: &str, expected: DataType, found: Dtype) -> WeightError {
    WeightError::Type { name: name.to_owned(), expected, found: type_name(found) }
}

fn type_name(dtype: Dtype) -> String {
    format!("{dtype:?}")
}

fn widen(descriptor: &OperandDescriptor, bytes: &[u8], to_f32: impl Fn(u16) -> f32) -> Result<Tensor> {
    let numbers: Vec<f32> = bytes.chunks_exact(2).map(|pair| to_f32(u16::from_le_bytes([pair[0], pair[1]]))).collect();
    Tensor::from_slice(&descriptor.shape, &numbers)
}

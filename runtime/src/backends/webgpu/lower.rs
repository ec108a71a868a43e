//! Program → plan: every step becomes the dispatches of its kernel. Pure: no device, equal programs give equal plans.

use super::PLATFORM;
use super::dispatch::{Chunk, Plan, Region, Resource};
use super::shader::{Storage, Tensor};
use crate::error::{Error, Result};
use crate::graph::{OperandDescriptor, ValueId};
use crate::optimize::{Place, Program};

/// What a plan may ask of a device, and which kernels suit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Largest range that one binding may show. Constants above it are split by rows.
    pub max_binding_bytes: u64,
    /// Storage buffers of one dispatch.
    pub max_bindings: usize,
    /// Workgroups in one dimension.
    pub max_workgroups: u32,
    /// Memory that a workgroup may share.
    pub workgroup_bytes: usize,
    /// True where the adapter is a processor: no workgroup memory, more registers.
    pub software: bool,
}

impl Default for Options {
    /// The limits that every WebGPU adapter has.
    fn default() -> Self {
        Self { max_binding_bytes: 128 << 20, max_bindings: 8, max_workgroups: 65535, workgroup_bytes: 16384, software: false }
    }
}

/// The error of an operator, or of a size, that this platform cannot compute.
pub(super) fn unsupported(label: &str, reason: String) -> Error {
    let operator = label.rsplit(": ").next().unwrap_or(label).to_owned();
    let reason = if operator == label { reason } else { format!("{reason} (in `{label}`)") };
    Error::Unsupported { operator, platform: PLATFORM.into(), reason }
}

/// The dispatches of a program.
///
/// **Errors** [`Error::Unsupported`] for a data type or an operator that WGSL or this backend lacks, a tensor that exceeds a binding.
pub fn lower(program: &Program, options: &Options) -> Result<Plan> {
    let mut lowering = Lowering { program, options, inputs: Vec::new(), outputs: Vec::new() };
    lowering.inputs = lowering.regions(&program.inputs)?;
    lowering.outputs = lowering.regions(&program.outputs)?;
    let mut dispatches = Vec::new();
    for step in &program.steps {
        lowering.step(step, &mut dispatches)?;
    }
    let mut read = vec![false; program.constants.len()];
    for binding in dispatches.iter().flat_map(|dispatch| &dispatch.bindings) {
        if let Resource::Constant { index, .. } = binding.resource {
            read[index] = true;
        }
    }
    let constants =
        program.constants.iter().zip(read).map(|(constant, read)| if read { chunks(&constant.descriptor, options) } else { vec![] });
    Ok(Plan {
        dispatches,
        arena_bytes: (program.arena_bytes as u64).next_multiple_of(256),
        constants: constants.collect(),
        inputs: lowering.inputs,
        outputs: lowering.outputs,
    })
}

/// The rows of a constant that share a binding: whole tiles of 64 where the rows allow it.
fn chunks(descriptor: &OperandDescriptor, options: &Options) -> Vec<Chunk> {
    let bytes = descriptor.byte_length();
    let rows = descriptor.shape.first().copied().unwrap_or(1).max(1);
    let row = bytes / rows;
    let fit = (options.max_binding_bytes as usize).checked_div(row).unwrap_or(rows).min(rows);
    let step = match fit {
        _ if bytes as u64 <= options.max_binding_bytes => rows,
        64.. => fit / 64 * 64,
        _ => fit.max(1),
    };
    (0..rows)
        .step_by(step)
        .map(|start| start..(start + step).min(rows))
        .map(|rows| Chunk { bytes: rows.start * row..rows.end * row, rows })
        .collect()
}

pub(super) struct Lowering<'a> {
    pub(super) program: &'a Program,
    pub(super) options: &'a Options,
    inputs: Vec<Region>,
    outputs: Vec<Region>,
}

impl Lowering<'_> {
    /// One region per tensor, one after another.
    fn regions(&self, tensors: &[(String, ValueId)]) -> Result<Vec<Region>> {
        let mut regions: Vec<Region> = Vec::new();
        for (name, value) in tensors {
            let descriptor = self.program.descriptor(*value);
            storage(descriptor, name)?;
            regions.push(Region::new(regions.last().map_or(0, Region::end), descriptor.byte_length()));
        }
        Ok(regions)
    }

    pub(super) fn tensor(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let descriptor = self.program.descriptor(value);
        let storage = storage(descriptor, label)?;
        let bytes = descriptor.byte_length();
        let mut parts = Vec::new();
        let (resource, region) = match self.program.place(value) {
            Place::Input(index) => (Resource::Inputs, self.inputs[index]),
            Place::Output(index) => (Resource::Outputs, self.outputs[index]),
            Place::Arena { offset } => (Resource::Arena, Region::new(offset, bytes)),
            Place::Constant(index) => {
                // Split as it is stored: the value may be a reshape of the constant.
                parts = chunks(&self.program.constants[index].descriptor, self.options);
                (Resource::Constant { index, chunk: 0 }, Region::new(0, bytes))
            }
        };
        Ok(Tensor { resource, region, storage, elements: descriptor.element_count(), chunks: parts })
    }

    /// A float32 tensor: what the fused kernels take.
    pub(super) fn float(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let tensor = self.tensor(value, label)?;
        match tensor.storage {
            Storage::F32 => Ok(tensor),
            _ => Err(unsupported(label, format!("takes float32, found {}", self.program.descriptor(value).data_type))),
        }
    }

    pub(super) fn optional(&self, value: Option<ValueId>, label: &str) -> Result<Option<Tensor>> {
        value.map(|value| self.float(value, label)).transpose()
    }
}

fn storage(descriptor: &OperandDescriptor, label: &str) -> Result<Storage> {
    Storage::of(descriptor.data_type).ok_or_else(|| {
        let reason = format!("WGSL without extensions has no {}; cast to int32, uint32 or float32 before", descriptor.data_type);
        unsupported(label, reason)
    })
}

//! Program → plan: every step becomes the dispatches of its kernel. Pure: no device, equal programs give equal plans.

use std::cell::Cell;

use super::PLATFORM;
use super::dispatch::{Chunk, Plan, Region, Resource};
use super::shader::Tensor;
use super::storage::Storage;
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
/// **Errors** [`Error::Unsupported`] for an operator that this backend lacks, a tensor that exceeds a binding.
pub fn lower(program: &Program, options: &Options) -> Result<Plan> {
    let arena = program.arena_bytes.next_multiple_of(256);
    let (inputs, outputs) = (regions(program, &program.inputs), regions(program, &program.outputs));
    let lowering = Lowering { program, options, inputs, outputs, scratch: Cell::new(arena), arena_bytes: Cell::new(arena) };
    let mut dispatches = Vec::new();
    for step in &program.steps {
        lowering.scratch.set(arena);
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
        arena_bytes: lowering.arena_bytes.get() as u64,
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
        // A row may be part of a byte; all of them are not.
        .map(|part| Chunk { bytes: part.start * row..if part.end == rows { bytes } else { part.end * row }, rows: part })
        .collect()
}

pub(crate) struct Lowering<'a> {
    pub(crate) program: &'a Program,
    pub(super) options: &'a Options,
    inputs: Vec<Region>,
    outputs: Vec<Region>,
    /// Where the arena has room for what the dispatches of one step hand to each other, and how far all of them reached.
    scratch: Cell<usize>,
    arena_bytes: Cell<usize>,
}

/// One region per tensor, one after another.
fn regions(program: &Program, tensors: &[(String, ValueId)]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for (_, value) in tensors {
        regions.push(Region::new(regions.last().map_or(0, Region::end), program.descriptor(*value).byte_length()));
    }
    regions
}

impl Lowering<'_> {
    pub(super) fn tensor(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let descriptor = self.program.descriptor(value);
        let storage = Storage::of(descriptor.data_type);
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
        let tensor = Tensor { resource, region, storage, elements: descriptor.element_count(), chunks: parts };
        if tensor.chunks.len() > 1 && !(tensor.row_elements() * storage.bits()).is_multiple_of(32) {
            let reason =
                format!("{descriptor} exceeds a binding of {} bytes, and its rows are no whole words", self.options.max_binding_bytes);
            return Err(unsupported(label, reason));
        }
        Ok(tensor)
    }

    /// Memory for what one dispatch of a step leaves to another.
    pub(super) fn scratch(&self, storage: Storage, elements: usize) -> Tensor {
        let region = Region::new(self.scratch.get(), (elements * storage.bits()).div_ceil(8));
        self.scratch.set(region.end());
        self.arena_bytes.set(self.arena_bytes.get().max(region.end()));
        Tensor { resource: Resource::Arena, region, storage, elements, chunks: vec![] }
    }

    /// A tensor of floats: what the fused kernels take.
    pub(super) fn float(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let tensor = self.tensor(value, label)?;
        match tensor.storage.scalar() {
            "f32" => Ok(tensor),
            _ => Err(unsupported(label, format!("takes floats, found {}", self.program.descriptor(value).data_type))),
        }
    }

    pub(super) fn optional(&self, value: Option<ValueId>, label: &str) -> Result<Option<Tensor>> {
        value.map(|value| self.float(value, label)).transpose()
    }
}

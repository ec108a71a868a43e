//! What a device is given to run: shader text, what it binds, how many workgroups.

use std::ops::Range;
use std::sync::Arc;

use crate::order::order;

/// A lowered program.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In order; each sees what the ones before it wrote.
    pub dispatches: Vec<Dispatch>,
    /// Bytes of the buffer of intermediate values.
    pub arena_bytes: u64,
    /// Where each input lies in the buffer of the inputs, in the program's order.
    pub inputs: Vec<Region>,
    /// Where each output lies in the buffer of the outputs, in the program's order.
    pub outputs: Vec<Region>,
    /// The buffers of each constant; those that no dispatch reads have none.
    pub constants: Vec<Vec<Chunk>>,
}

/// One kernel start.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// Where in the model it stands.
    pub label: String,
    /// WGSL, sizes included; its entry point is `main`. Equal texts are one pipeline.
    pub source: Arc<str>,
    /// Group 0, binding 0, 1, …
    pub bindings: Vec<Binding>,
    /// Workgroups in x, y and z.
    pub workgroups: [u32; 3],
}

/// A range of a buffer, as one dispatch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The buffer.
    pub resource: Resource,
    /// The bytes.
    pub region: Region,
    /// `read_write` if true, else `read`. All bindings of one buffer agree.
    pub writable: bool,
}

/// A range of bytes: the offset a multiple of 256, the size one of 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub offset: u64,
    /// Number of bytes, at least 4.
    pub size: u64,
}

/// A buffer of a compiled program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Intermediate values.
    Arena,
    /// What the caller writes before a run.
    Inputs,
    /// What the caller reads after a run.
    Outputs,
    /// The tensor that an input is bound to; its index in the program.
    BoundInput(usize),
    /// The tensor that an output is bound to; its index in the program.
    BoundOutput(usize),
    /// One chunk of a constant.
    Constant {
        /// Index of the constant in the program.
        index: usize,
        /// Which of its chunks.
        chunk: usize,
    },
}

/// A constant's rows that fit one binding. Most constants are one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Along the first axis.
    pub rows: Range<usize>,
    /// Bytes of the whole constant that it holds.
    pub bytes: Range<usize>,
}

impl Region {
    /// A region whose size is rounded up to whole words.
    pub(super) fn new(offset: usize, bytes: usize) -> Self {
        Self { offset: offset as u64, size: (bytes.next_multiple_of(4) as u64).max(4) }
    }

    /// First byte of the next region, aligned as bindings and copies need.
    pub(super) fn end(&self) -> usize {
        ((self.offset + self.size) as usize).next_multiple_of(256)
    }
}

/// New offsets without the bound regions, which become empty and begin at 0.
fn close_up(regions: &mut [Region], bound: &[bool]) {
    let mut end = 0;
    for (region, bound) in regions.iter_mut().zip(bound) {
        if *bound {
            *region = Region { offset: 0, size: 0 };
        } else {
            region.offset = end as u64;
            end = region.end();
        }
    }
}

impl Plan {
    /// Takes the bound inputs and outputs out of their buffers: each is a buffer of its own, and the rest moves up. A bound port's own region
    /// is left empty.
    #[must_use]
    pub fn bind(mut self, inputs: &[bool], outputs: &[bool]) -> Self {
        let old = (self.inputs.clone(), self.outputs.clone());
        close_up(&mut self.inputs, inputs);
        close_up(&mut self.outputs, outputs);
        for binding in self.dispatches.iter_mut().flat_map(|dispatch| &mut dispatch.bindings) {
            let (old, new, bound) = match binding.resource {
                Resource::Inputs => (&old.0, &self.inputs, inputs),
                Resource::Outputs => (&old.1, &self.outputs, outputs),
                _ => continue,
            };
            // Regions are in order and apart; the last that begins no later is the one.
            let Some(port) = old.iter().rposition(|region| region.offset <= binding.region.offset) else { continue };
            binding.region.offset = binding.region.offset - old[port].offset + new[port].offset;
            if bound[port] {
                let input = binding.resource == Resource::Inputs;
                binding.resource = if input { Resource::BoundInput(port) } else { Resource::BoundOutput(port) };
            }
        }
        self
    }

    /// Bytes of the buffer of the inputs.
    pub fn input_bytes(&self) -> u64 {
        self.inputs.iter().map(|region| region.end() as u64).max().unwrap_or(0)
    }

    /// Bytes of the buffer of the outputs.
    pub fn output_bytes(&self) -> u64 {
        self.outputs.iter().map(|region| region.end() as u64).max().unwrap_or(0)
    }

    /// Bytes of the constants that are read.
    pub fn constant_bytes(&self) -> u64 {
        self.constants.iter().flatten().map(|chunk| chunk.bytes.len().next_multiple_of(4) as u64).sum()
    }

    /// Different shader texts: the pipelines.
    pub fn pipelines(&self) -> usize {
        let source = |index: usize| &self.dispatches[index].source;
        let order = order(self.dispatches.len(), &|a, b| source(a) < source(b));
        order.iter().enumerate().filter(|(place, index)| *place == 0 || source(order[place - 1]) != source(**index)).count()
    }
}

//! What a device is given to run: shader text, what it binds, how many workgroups.

use std::ops::Range;
use std::sync::Arc;

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

impl Plan {
    /// Bytes of the buffer of the inputs.
    pub fn input_bytes(&self) -> u64 {
        self.inputs.last().map_or(0, |region| region.end() as u64)
    }

    /// Bytes of the buffer of the outputs.
    pub fn output_bytes(&self) -> u64 {
        self.outputs.last().map_or(0, |region| region.end() as u64)
    }

    /// Bytes of the constants that are read.
    pub fn constant_bytes(&self) -> u64 {
        self.constants.iter().flatten().map(|chunk| chunk.bytes.len().next_multiple_of(4) as u64).sum()
    }

    /// Different shader texts: the pipelines.
    pub fn pipelines(&self) -> usize {
        let mut sources: Vec<_> = self.dispatches.iter().map(|dispatch| &dispatch.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.len()
    }
}

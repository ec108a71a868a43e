//! Weights on a device: uploaded once, shared by all programs of one checkpoint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::compile::Owned;
use super::device::Shared;
use super::dispatch::Chunk;
use super::signal::lock;
use crate::error::{GraphError, Result};
use crate::optimize::{PackedConstant, Part};
use crate::tensor::Tensor;

/// Gives a constant of one part as a tensor.
pub type Loader<'a> = dyn FnMut(&PackedConstant) -> Result<Tensor> + 'a;

/// The uploaded weights of one checkpoint on one device. Clones are the same set; a weight leaves when no program uses it.
#[derive(Clone, Debug, Default)]
pub(super) struct Constants {
    known: Arc<Mutex<HashMap<Key, Weak<Owned>>>>,
}

/// The constant, and where its chunk ends: devices of other limits split otherwise.
type Key = (String, usize);

/// Bytes that go to the device in one write: enough to be quick, little beside the weights.
const STAGE: usize = 8 << 20;

impl Constants {
    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        lock(&self.known).values().filter_map(Weak::upgrade).map(|buffer| buffer.size()).sum()
    }

    /// The buffers of a constant's chunks, uploaded where they are not there.
    pub(super) fn buffers(
        &self,
        shared: &Shared,
        constant: &PackedConstant,
        chunks: &[Chunk],
        load: &mut Loader<'_>,
    ) -> Result<Vec<Arc<Owned>>> {
        let key = |chunk: &Chunk| (constant.key.clone(), chunk.bytes.end);
        let known: Option<Vec<_>> = {
            let known = lock(&self.known);
            chunks.iter().map(|chunk| known.get(&key(chunk)).and_then(Weak::upgrade)).collect()
        };
        if let Some(buffers) = known {
            return Ok(buffers);
        }
        let buffers: Vec<Arc<Owned>> = chunks.iter().map(|chunk| Arc::new(Owned(buffer(shared, constant, chunk)))).collect();
        let whole_words = constant.parts.len() == 1 || constant.parts.iter().all(|part| part.descriptor().byte_length().is_multiple_of(4));
        let mut together = Vec::new();
        let mut first = 0;
        for part in &constant.parts {
            let length = part.descriptor().byte_length();
            let loaded;
            let bytes: &[u8] = match part {
                Part::Weight { name, descriptor } => {
                    loaded = load(&PackedConstant { key: name.clone(), descriptor: descriptor.clone(), parts: vec![part.clone()] })?;
                    if loaded.descriptor() != descriptor {
                        let reason = format!("must be {descriptor}, found {}", loaded.descriptor());
                        return Err(GraphError::Rule { label: name.clone(), reason }.into());
                    }
                    loaded.bytes()
                }
                Part::Bytes { bytes, .. } => bytes,
                // Buffers start as zeros.
                Part::Zeros { .. } => &[],
            };
            if whole_words {
                spread(shared, chunks, &buffers, first, bytes);
            } else {
                together.extend_from_slice(bytes);
                together.resize(first + length, 0);
            }
            first += length;
        }
        spread(shared, chunks, &buffers, 0, &together);
        let mut known = lock(&self.known);
        known.retain(|_, buffer| buffer.strong_count() > 0);
        for (chunk, buffer) in chunks.iter().zip(&buffers) {
            known.insert(key(chunk), Arc::downgrade(buffer));
        }
        Ok(buffers)
    }
}

/// Writes bytes of the constant, from its byte `first` on, to the chunks that hold them.
fn spread(shared: &Shared, chunks: &[Chunk], buffers: &[Arc<Owned>], first: usize, bytes: &[u8]) {
    for (chunk, buffer) in chunks.iter().zip(buffers) {
        let (from, to) = (chunk.bytes.start.max(first), chunk.bytes.end.min(first + bytes.len()));
        if from < to {
            write(shared, buffer, from - chunk.bytes.start, &bytes[from - first..to - first]);
        }
    }
}

fn buffer(shared: &Shared, constant: &PackedConstant, chunk: &Chunk) -> wgpu::Buffer {
    shared.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(&constant.key),
        size: (chunk.bytes.len().next_multiple_of(4) as u64).max(4),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Writes in pieces, submitting each, so that the copies in flight stay small beside the weights.
fn write(shared: &Shared, buffer: &wgpu::Buffer, offset: usize, bytes: &[u8]) {
    for (index, piece) in bytes.chunks(STAGE).enumerate() {
        let at = (offset + index * STAGE) as u64;
        let whole = piece.len() / 4 * 4;
        shared.queue.write_buffer(buffer, at, &piece[..whole]);
        if whole < piece.len() {
            // Copies are in whole words.
            let mut last = [0; 4];
            last[..piece.len() - whole].copy_from_slice(&piece[whole..]);
            shared.queue.write_buffer(buffer, at + whole as u64, &last);
        }
        shared.queue.submit([]);
        #[cfg(not(target_family = "wasm"))]
        let _ = shared.device.poll(wgpu::PollType::Poll);
    }
}

//! A tensor that outlives a run: one buffer, or two that change places where a session reads and replaces it.

use std::sync::{Arc, Mutex, MutexGuard};

use super::compile::Bound;
use super::device::{Shared, device_error};
use super::lower::unsupported;
use super::signal::{lock, signal};
use crate::error::Result;
use crate::graph::OperandDescriptor;
use crate::tensor::Tensor;

/// A tensor in the device's memory. Clones are the same tensor.
#[derive(Clone, Debug)]
pub struct Resident(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    buffers: Mutex<Buffers>,
}

/// The memory is given back at once: a browser's garbage collector does not see how much it is.
impl Drop for Inner {
    fn drop(&mut self) {
        lock(&self.buffers).pair.iter().for_each(wgpu::Buffer::destroy);
    }
}

#[derive(Debug)]
struct Buffers {
    /// The one that holds the contents, and the one that the next run writes.
    pair: [wgpu::Buffer; 2],
    /// Which of the pair holds the contents. Both are one buffer until a session needs two.
    front: usize,
    two: bool,
}

impl Resident {
    pub(super) fn new(shared: &Arc<Shared>, initial: &Tensor) -> Result<Self> {
        let size = (initial.bytes().len().next_multiple_of(4) as u64).max(4);
        if size > shared.options.max_binding_bytes {
            return Err(unsupported("tensor", format!("{size} bytes; a binding holds {}", shared.options.max_binding_bytes)));
        }
        let buffer = buffer(shared, size);
        let resident = Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            buffers: Mutex::new(Buffers { pair: [buffer.clone(), buffer], front: 0, two: false }),
        }));
        resident.write(initial);
        Ok(resident)
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        lock(&self.0.buffers)
    }

    /// Gives it a second buffer: a session reads it and replaces it.
    pub(super) fn make_pair(&self) {
        let mut buffers = self.buffers();
        if !buffers.two {
            let back = 1 - buffers.front;
            buffers.pair[back] = buffer(&self.0.shared, buffers.pair[0].size());
            buffers.two = true;
        }
    }

    /// Which of the pair holds the contents.
    pub(super) fn front(&self) -> usize {
        self.buffers().front
    }

    /// The buffer that a run reads, or the one that it writes.
    pub(super) fn buffer(&self, bound: Bound) -> wgpu::Buffer {
        let buffers = self.buffers();
        let index = if bound == Bound::Replaced { 1 - buffers.front } else { buffers.front };
        buffers.pair[index].clone()
    }

    /// The pair changes places: a run that replaces the contents was submitted.
    pub(super) fn exchange(&self) {
        let mut buffers = self.buffers();
        buffers.front = 1 - buffers.front;
    }

    pub(super) fn belongs_to(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.0.shared, shared)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn write(&self, tensor: &Tensor) {
        let buffers = self.buffers();
        let bytes = tensor.bytes();
        // A write is of whole words.
        let (words, rest) = bytes.split_at(bytes.len() / 4 * 4);
        let front = &buffers.pair[buffers.front];
        self.0.shared.queue.write_buffer(front, 0, words);
        if !rest.is_empty() {
            let mut last = [0; 4];
            last[..rest.len()].copy_from_slice(rest);
            self.0.shared.queue.write_buffer(front, words.len() as u64, &last);
        }
    }

    pub(crate) async fn read(&self, descriptor: &OperandDescriptor) -> Result<Tensor> {
        let shared = &self.0.shared;
        shared.check()?;
        let front = self.buffer(Bound::Read);
        let size = front.size();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let download = shared.device.create_buffer(&wgpu::BufferDescriptor { label: Some("read"), size, usage, mapped_at_creation: false });
        let mut encoder = shared.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("read") });
        encoder.copy_buffer_to_buffer(&front, 0, &download, 0, size);
        shared.queue.submit([encoder.finish()]);
        let (sender, receiver) = signal();
        download.map_async(wgpu::MapMode::Read, .., |mapped| sender.send(mapped));
        shared.poller.wake();
        let mapped = receiver.await;
        shared.check()?;
        mapped?.map_err(|error| device_error(error.to_string()))?;
        let bytes = download.get_mapped_range(..).map_err(|error| device_error(error.to_string()))?;
        Tensor::new(descriptor.clone(), &bytes[..descriptor.byte_length()])
    }
}

fn buffer(shared: &Shared, size: u64) -> wgpu::Buffer {
    use wgpu::BufferUsages as Usages;
    let usage = Usages::STORAGE | Usages::COPY_SRC | Usages::COPY_DST;
    shared.device.create_buffer(&wgpu::BufferDescriptor { label: Some("resident"), size, usage, mapped_at_creation: false })
}

//! A run: inputs in, one submission of one compute pass, outputs out. It makes no buffer and waits without blocking.

use super::compile::{Command, Compiled, Owned};
use super::device::device_error;
use super::signal::{Receiver, signal};
use super::tensor::{arrange, read};
use crate::error::Result;
use crate::tensor::Tensor;

type Mapped = std::result::Result<(), wgpu::BufferAsyncError>;

/// The buffers through which inputs and outputs come and go, kept from run to run.
#[derive(Debug)]
pub(super) struct Staging {
    upload: Owned,
    download: Owned,
    /// Set while the buffer is on its way to being mapped; a run that was dropped half-way leaves both.
    upload_pending: Option<Receiver<Mapped>>,
    download_pending: Option<Receiver<Mapped>>,
}

impl Staging {
    pub(super) fn new(device: &wgpu::Device, input_bytes: u64, output_bytes: u64) -> Self {
        use wgpu::BufferUsages as Usages;
        let buffer = |label, size, usage, mapped_at_creation| {
            Owned(device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation }))
        };
        Self {
            upload: buffer("upload", input_bytes, Usages::MAP_WRITE | Usages::COPY_SRC, true),
            download: buffer("download", output_bytes, Usages::MAP_READ | Usages::COPY_DST, false),
            upload_pending: None,
            download_pending: None,
        }
    }
}

impl Compiled {
    /// Computes the outputs, in the program's order.
    ///
    /// **Errors** inputs that are missing, unknown or of another type or shape; [`crate::Error::Device`] where the device fails.
    pub async fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>> {
        let tensors = arrange(&self.inputs, inputs)?;
        self.shared.check()?;
        self.settle().await?;
        if let Err(error) = self.write(&tensors) {
            return self.mapped(Err(error)).await.map(|()| Vec::new());
        }
        let mut encoder = self.shared.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("run") });
        encoder.copy_buffer_to_buffer(&self.staging.upload, 0, &self.input_buffer, 0, self.input_buffer.size());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            self.commands.iter_mut().for_each(|command| record(&mut pass, command, &self.shared.device));
        }
        encoder.copy_buffer_to_buffer(&self.output_buffer, 0, &self.staging.download, 0, self.output_buffer.size());
        self.shared.queue.submit([encoder.finish()]);
        self.bound.exchange();
        self.staging.download_pending = Some(map(&self.staging.download, wgpu::MapMode::Read));
        self.staging.upload_pending = Some(map(&self.staging.upload, wgpu::MapMode::Write));
        self.shared.poller.wake();
        if let Some(pending) = self.staging.download_pending.as_mut() {
            let mapped = pending.await;
            self.staging.download_pending = None;
            self.mapped(mapped).await?;
        }
        let outputs = match self.staging.download.get_mapped_range(..) {
            Ok(bytes) => read(&self.outputs, &bytes),
            Err(error) => Err(device_error(error.to_string())),
        };
        self.staging.download.unmap();
        self.shared.check()?;
        outputs
    }

    /// Milliseconds of each dispatch in order, by its label, on the inputs of the last run; none where the adapter has no timestamps.
    pub async fn profile(&mut self) -> Result<Option<Vec<(String, f64)>>> {
        let device = &self.shared.device;
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) || self.commands.is_empty() || self.commands.len() > 2048 {
            return Ok(None);
        }
        let count = self.commands.len() as u32 * 2;
        let bytes = u64::from(count) * 8;
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count });
        let buffer = |usage| device.create_buffer(&wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: false });
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let download = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("profile") });
        for (index, command) in self.commands.iter_mut().enumerate() {
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(index as u32 * 2),
                end_of_pass_write_index: Some(index as u32 * 2 + 1),
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            record(&mut pass, command, &self.shared.device);
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &download, 0, bytes);
        self.shared.queue.submit([encoder.finish()]);
        let pending = map(&download, wgpu::MapMode::Read);
        self.shared.poller.wake();
        let mapped = pending.await;
        self.mapped(mapped).await?;
        let view = download.get_mapped_range(..).map_err(|error| device_error(error.to_string()))?;
        let ticks: Vec<u64> =
            view.chunks_exact(8).map(|tick| tick.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))).collect();
        let period = f64::from(self.shared.queue.get_timestamp_period()) / 1e6;
        let time = |(command, ticks): (&Command, &[u64])| (command.label.clone(), ticks[1].saturating_sub(ticks[0]) as f64 * period);
        Ok(Some(self.commands.iter().zip(ticks.chunks_exact(2)).map(time).collect()))
    }

    /// Waits for what an earlier run left behind.
    async fn settle(&mut self) -> Result<()> {
        if let Some(pending) = self.staging.download_pending.as_mut() {
            let mapped = pending.await;
            self.staging.download_pending = None;
            self.staging.download.unmap();
            self.mapped(mapped).await?;
        }
        if let Some(pending) = self.staging.upload_pending.as_mut() {
            let mapped = pending.await;
            self.staging.upload_pending = None;
            self.mapped(mapped).await?;
        }
        Ok(())
    }

    async fn mapped(&self, mapped: Result<Mapped>) -> Result<()> {
        if !matches!(mapped, Ok(Ok(()))) {
            self.shared.hear_of_loss().await;
        }
        match mapped {
            Ok(Ok(())) => Ok(()),
            // The device's own words are better than those of the mapping.
            Ok(Err(error)) => self.shared.check().and(Err(device_error(error.to_string()))),
            Err(error) => self.shared.check().and(Err(error)),
        }
    }

    fn write(&mut self, tensors: &[&Tensor]) -> Result<()> {
        {
            let mut view = self.staging.upload.get_mapped_range_mut(..).map_err(|error| device_error(error.to_string()))?;
            for (port, tensor) in self.inputs.iter().zip(tensors) {
                let start = port.region.offset as usize;
                view.slice(start..start + tensor.bytes().len()).copy_from_slice(tensor.bytes());
            }
        }
        self.staging.upload.unmap();
        Ok(())
    }
}

fn record(pass: &mut wgpu::ComputePass<'_>, command: &mut Command, device: &wgpu::Device) {
    let [x, y, z] = command.workgroups;
    pass.set_pipeline(&command.pipeline);
    pass.set_bind_group(0, command.bind_group(device), &[]);
    pass.dispatch_workgroups(x, y, z);
}

fn map(buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Receiver<Mapped> {
    let (sender, receiver) = signal();
    buffer.map_async(mode, .., |mapped| sender.send(mapped));
    receiver
}

//! An open adapter. Errors that no call returns (validation, memory, loss) are kept and told by the next call that waits.

use std::sync::{Arc, Mutex};

use super::PLATFORM;
use super::adapter::{AdapterChoice, AdapterReport, choose, instance};
use super::compile::{Compiled, Pipelines};
use super::constants::{Constants, Loader};
use super::lower::{Options, lower};
use super::resident::Resident;
use super::signal::{Poller, lock};
use crate::bindings::Bindings;
use crate::error::{Error, Result};
use crate::optimize::Program;
use crate::tensor::Tensor;

/// An open WebGPU device, with the weights of one checkpoint on it. Clones are the same device and the same weights.
#[derive(Clone, Debug)]
pub struct Device {
    shared: Arc<Shared>,
    constants: Constants,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) options: Options,
    pub(super) adapter: AdapterReport,
    pub(super) poller: Poller,
    pub(super) pipelines: Mutex<Pipelines>,
    failure: Arc<Mutex<Failure>>,
}

/// What went wrong outside of any call.
#[derive(Debug, Default)]
struct Failure {
    /// Told once.
    error: Option<String>,
    /// Told for ever.
    lost: Option<String>,
}

impl Device {
    /// Opens an adapter with all the buffer sizes it has.
    ///
    /// **Errors** [`Error::Unavailable`] where there is no such adapter; [`Error::Device`] where it refuses to open.
    pub async fn open(choice: &AdapterChoice) -> Result<Device> {
        Self::open_with(choice, |_| ()).await
    }

    /// As [`Device::open`], with other options than the adapter's: how tests see the kernels of other adapters.
    pub(super) async fn open_with(choice: &AdapterChoice, adjust: impl FnOnce(&mut Options)) -> Result<Device> {
        let instance = instance();
        let (index, adapter) = choose(&instance, choice).await?;
        let report = AdapterReport::of(index, &adapter);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ipfs-accelerate"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| device_error(error.to_string()))?;
        let failure = Arc::new(Mutex::new(Failure::default()));
        let kept = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&kept).error.get_or_insert_with(|| describe(&error));
        }));
        let kept = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            lock(&kept)
                .lost
                .get_or_insert_with(|| format!("{} ({reason:?})", if message.is_empty() { "no reason was given" } else { &message }));
        });
        let limits = device.limits();
        let mut options = Options {
            max_binding_bytes: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size)
                .min(choice.max_binding_bytes.unwrap_or(u64::MAX)),
            max_bindings: limits.max_storage_buffers_per_shader_stage as usize,
            max_workgroups: limits.max_compute_workgroups_per_dimension,
            workgroup_bytes: limits.max_compute_workgroup_storage_size as usize,
            software: report.software,
        };
        adjust(&mut options);
        let poller = Poller::start(device.clone())?;
        Ok(Device {
            shared: Arc::new(Shared { device, queue, options, adapter: report, poller, pipelines: Mutex::default(), failure }),
            constants: Constants::default(),
        })
    }

    /// The same device for another checkpoint, whose weights may bear the same names. What is compiled is shared.
    pub fn for_another_checkpoint(&self) -> Device {
        Device { shared: Arc::clone(&self.shared), constants: Constants::default() }
    }

    /// The adapter in one line: name, backend, driver.
    pub fn description(&self) -> String {
        let adapter = &self.shared.adapter;
        let name = if adapter.name.is_empty() { "unnamed adapter" } else { &adapter.name };
        let driver =
            [&adapter.driver, &adapter.driver_info].into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(" ");
        format!("{name} ({}, {}{}{driver})", adapter.backend, adapter.device_type, if driver.is_empty() { "" } else { ", " })
    }

    /// What was opened.
    pub fn adapter(&self) -> &AdapterReport {
        &self.shared.adapter
    }

    /// What a plan for this device may ask of it.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Makes pipelines, buffers and bind groups of a program.
    ///
    /// Weights that an earlier program uploaded are shared: one `Device` value takes the weights of one checkpoint, another one is served
    /// by [`Device::for_another_checkpoint`]. `load` gives a constant that is not there yet; it is asked for one part at a time.
    ///
    /// **Errors** [`Error::Unsupported`] for what this backend lacks, the errors of `load`, [`Error::Device`] for lack of memory.
    pub async fn compile(&self, program: &Program, load: &mut Loader<'_>) -> Result<Compiled> {
        self.compile_bound(program, load, &Bindings::new()).await
    }

    /// As [`Device::compile`], with inputs and outputs that stay on the device.
    ///
    /// **Errors** as [`Device::compile`]; [`Error::ForeignTensor`].
    pub async fn compile_bound(&self, program: &Program, load: &mut Loader<'_>, bindings: &Bindings) -> Result<Compiled> {
        let plan = lower(program, &self.shared.options)?;
        Compiled::new(Arc::clone(&self.shared), program, plan, &self.constants, load, bindings).await
    }

    /// A tensor in this device's memory.
    ///
    /// **Errors** [`Error::Unsupported`] for one larger than a binding; [`Error::Device`] for lack of memory.
    pub async fn resident(&self, initial: &Tensor) -> Result<Resident> {
        let scope = self.shared.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let resident = Resident::new(&self.shared, initial);
        match scope.pop().await {
            Some(error) => Err(device_error(describe(&error))),
            None => resident,
        }
    }

    /// Pipelines that this device keeps for programs to come.
    pub fn pipelines(&self) -> usize {
        lock(&self.shared.pipelines).len()
    }

    /// Bytes of the weights that are on the device.
    pub fn weight_bytes(&self) -> u64 {
        self.constants.bytes()
    }

    /// Bytes that the driver's allocator has given to this device, where it counts them.
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.shared.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Holds a shader against the adapter's own compiler, and runs nothing.
    ///
    /// **Errors** [`Error::Device`] with the label and what the compiler says.
    pub async fn check_shader(&self, label: &str, source: &str) -> Result<()> {
        let scope = self.shared.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let source = wgpu::ShaderSource::Wgsl(source.into());
        let module = self.shared.device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(label), source });
        let error = scope.pop().await;
        let messages = module.get_compilation_info().await.messages;
        let errors = messages.into_iter().filter(|message| message.message_type == wgpu::CompilationMessageType::Error);
        let words: Vec<String> = errors.map(|message| message.message).chain(error.as_ref().map(describe)).collect();
        if words.is_empty() { Ok(()) } else { Err(device_error(format!("`{label}`: {}", words.join("; ")))) }
    }

    /// Gives the adapter's memory back at once; what is compiled fails from here on with [`Error::DeviceLost`]. For tests of device loss.
    pub fn destroy(&self) {
        self.shared.device.destroy();
        self.shared.poller.wake();
    }
}

/// Dropping a device leaves its memory to the browser's garbage collector, which does not see how much it is.
#[cfg(target_family = "wasm")]
impl Drop for Shared {
    fn drop(&mut self) {
        self.device.destroy();
    }
}

impl Shared {
    /// Waits a moment for the word that the device was lost: a call on it fails before that is told.
    pub(super) async fn hear_of_loss(&self) {
        let is_lost = || lock(&self.failure).lost.is_some();
        #[cfg(target_family = "wasm")]
        crate::backends::browser::until(is_lost).await;
        #[cfg(not(target_family = "wasm"))]
        for _ in 0..100 {
            if is_lost() {
                return;
            }
            // The word comes by a callback, on this thread or on the poller's.
            let _ = self.device.poll(wgpu::PollType::Poll);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// The error that arose since the last call, if one did; a lost device stays lost.
    pub(super) fn check(&self) -> Result<()> {
        let mut failure = lock(&self.failure);
        if let Some(reason) = &failure.lost {
            return Err(Error::DeviceLost { platform: PLATFORM.into(), reason: reason.clone() });
        }
        failure.error.take().map_or(Ok(()), |reason| Err(device_error(reason)))
    }
}

/// The errors of the calls made while `body` ran, as one error.
pub(super) fn device_error(reason: String) -> Error {
    Error::Device { platform: PLATFORM.into(), reason }
}

/// wgpu's words without its indentation.
pub(super) fn describe(error: &wgpu::Error) -> String {
    let text = match error {
        wgpu::Error::OutOfMemory { .. } => String::from("out of memory"),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => description.clone(),
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

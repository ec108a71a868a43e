//! A device, and a graph compiled for it with its buffers: one face over the backends.

use crate::backends;
use crate::bindings::{Bindings, DeviceTensor, Memory};
use crate::error::{Error, Result};
use crate::graph::Graph;
#[cfg(any(feature = "cpu", feature = "webgpu"))]
use crate::optimize::optimize;
use crate::platform::Platform;
use crate::tensor::Tensor;
use crate::weights::Fit;

/// How a device is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceOptions {
    /// Threads of the CPU; all of its cores if absent.
    pub threads: Option<usize>,
    /// Part of the name of the WebGPU adapter to use; the fastest kind if absent.
    pub adapter: Option<String>,
    /// Refuses WebGPU adapters that are software on this machine's processor. [`crate::model::Model::load`] sets it where it chooses by
    /// itself and the CPU is to be had: the CPU's own kernels are faster there.
    pub hardware_only: bool,
    /// Bytes that one WebGPU binding may show, where that is less than the adapter's limit. Larger weights are split over several.
    pub max_binding_bytes: Option<u64>,
}

/// An open device. Clones are the same device.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Device {
    /// This machine's processor.
    #[cfg(feature = "cpu")]
    Cpu(backends::cpu::Device),
    /// A WebGPU adapter.
    #[cfg(feature = "webgpu")]
    WebGpu(backends::webgpu::Device),
    /// A WebNN context of the browser.
    #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
    WebNn(backends::webnn::Device),
}

/// What a compiled graph costs, as compiled.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SessionReport {
    /// Kernels that one run starts.
    pub dispatches: usize,
    /// Bytes of all intermediate values.
    pub arena_bytes: usize,
    /// Bytes of the weights that the graph reads.
    pub weight_bytes: usize,
    /// Bytes that the device holds for all sessions of the model by now.
    pub allocated_bytes: u64,
    /// Pieces of memory that those bytes are, where the driver counts them.
    pub allocations: Option<usize>,
}

impl Device {
    /// Opens a platform's device.
    ///
    /// **Errors** [`Error::Unavailable`] with what was looked for and found.
    pub async fn open(platform: Platform, options: &DeviceOptions) -> Result<Self> {
        match platform {
            #[cfg(feature = "cpu")]
            Platform::Cpu => backends::cpu::Device::new(options.threads).map(Device::Cpu),
            #[cfg(feature = "webgpu")]
            Platform::WebGpu => {
                let choice = backends::webgpu::AdapterChoice {
                    name: options.adapter.clone(),
                    hardware: options.hardware_only,
                    max_binding_bytes: options.max_binding_bytes,
                    ..Default::default()
                };
                backends::webgpu::Device::open(&choice).await.map(Device::WebGpu)
            }
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Platform::WebNn => backends::webnn::Device::open().await.map(Device::WebNn),
            #[cfg(not(target_arch = "wasm32"))]
            Platform::WebNn => Err(unavailable(platform, "WebNN is an API of browsers; this is a native program")),
            #[allow(unreachable_patterns)]
            _ => Err(unavailable(platform, "this program was built without it")),
        }
    }

    /// The same device for another checkpoint: pipelines are shared, weights are not.
    pub fn for_another_checkpoint(&self) -> Self {
        match self {
            #[cfg(feature = "webgpu")]
            Device::WebGpu(device) => Device::WebGpu(device.for_another_checkpoint()),
            #[allow(unreachable_patterns)]
            device => device.clone(),
        }
    }

    /// Its platform.
    pub fn platform(&self) -> Platform {
        match self {
            #[cfg(feature = "cpu")]
            Device::Cpu(_) => Platform::Cpu,
            #[cfg(feature = "webgpu")]
            Device::WebGpu(_) => Platform::WebGpu,
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(_) => Platform::WebNn,
        }
    }

    /// The device as it names itself.
    pub fn description(&self) -> String {
        match self {
            #[cfg(feature = "cpu")]
            Device::Cpu(device) => device.description(),
            #[cfg(feature = "webgpu")]
            Device::WebGpu(device) => device.description(),
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(device) => device.description(),
        }
    }

    /// Ends the device as a driver does that restarts: what is compiled on it fails with [`Error::DeviceLost`]. False where there is none
    /// to end: a processor is not lost. For tests.
    pub fn destroy(&self) -> bool {
        match self {
            #[cfg(feature = "webgpu")]
            Device::WebGpu(device) => device.destroy(),
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(device) => device.destroy(),
            #[allow(unreachable_patterns)]
            _ => return false,
        }
        #[allow(unreachable_code)]
        true
    }

    /// Holds a graph against what the device computes, before a weight is read. Only a browser's WebNN differs from browser to browser;
    /// the other platforms say what they lack when they compile.
    ///
    /// **Errors** [`Error::Unsupported`] for an operator, type or rank that it lacks.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        match self {
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(device) => device.check(graph),
            #[allow(unreachable_patterns)]
            _ => {
                let _ = graph;
                Ok(())
            }
        }
    }

    /// Fuses, plans and compiles a graph; weights that an earlier session uploaded are shared.
    ///
    /// **Errors** [`Error::Unsupported`] for an operator or type that this platform lacks; the device's.
    pub async fn compile(&self, graph: &Graph, weights: &Fit) -> Result<Session> {
        self.compile_bound(graph, weights, &Bindings::new()).await
    }

    /// As [`Self::compile`], with inputs and outputs that stay on the device.
    ///
    /// **Errors** as [`Self::compile`]; [`Error::UnknownBinding`], [`Error::BoundTwice`], [`Error::InputMismatch`], [`Error::ForeignTensor`] for
    /// a binding that does not fit the graph.
    pub async fn compile_bound(&self, graph: &Graph, weights: &Fit, bindings: &Bindings) -> Result<Session> {
        bindings.check(graph)?;
        #[cfg(any(feature = "cpu", feature = "webgpu"))]
        let mut constant = |packed: &crate::optimize::PackedConstant| weights.constant(packed);
        match self {
            #[cfg(feature = "cpu")]
            Device::Cpu(device) => device.compile_bound(&optimize(graph), &mut constant, bindings).map(Box::new).map(Session::Cpu),
            #[cfg(feature = "webgpu")]
            Device::WebGpu(device) => {
                device.compile_bound(&optimize(graph), &mut constant, bindings).await.map(Box::new).map(Session::WebGpu)
            }
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(device) => {
                let load = |name: &str, descriptor: &_| weights.tensor(name, descriptor);
                device.compile_bound(graph, &load, bindings).await.map(Session::WebNn)
            }
        }
    }
}

impl Device {
    /// A tensor on this device, to be bound by [`Self::compile_bound`].
    ///
    /// **Errors** [`Error::Unsupported`] for a type or size that the device cannot hold; the device's.
    pub async fn tensor(&self, initial: &Tensor) -> Result<DeviceTensor> {
        let memory = match self {
            #[cfg(feature = "cpu")]
            Device::Cpu(_) => Memory::Cpu(backends::cpu::Resident::new(initial)),
            #[cfg(feature = "webgpu")]
            Device::WebGpu(device) => Memory::WebGpu(device.resident(initial).await?),
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Device::WebNn(device) => Memory::WebNn(device.resident(initial).await?),
        };
        Ok(DeviceTensor::new(initial.descriptor().clone(), memory))
    }
}

fn unavailable(platform: Platform, reason: &str) -> Error {
    Error::Unavailable { platform: platform.name().to_owned(), reason: reason.to_owned() }
}

/// A compiled graph with its buffers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Session {
    /// On the processor.
    #[cfg(feature = "cpu")]
    Cpu(Box<backends::cpu::Compiled>),
    /// On a WebGPU adapter.
    #[cfg(feature = "webgpu")]
    WebGpu(Box<backends::webgpu::Compiled>),
    /// In the browser's WebNN.
    #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
    WebNn(backends::webnn::Compiled),
}

impl Session {
    /// Runs once. `inputs` are those of the graph that are not bound, each in its type and shape; so are the outputs.
    ///
    /// **Errors** the device's.
    pub async fn run(&mut self, inputs: &[(&str, Tensor)]) -> Result<Vec<(String, Tensor)>> {
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
        match self {
            #[cfg(feature = "cpu")]
            Session::Cpu(compiled) => compiled.run(&inputs),
            #[cfg(feature = "webgpu")]
            Session::WebGpu(compiled) => compiled.run(&inputs).await,
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Session::WebNn(compiled) => compiled.run(&inputs).await,
        }
    }

    /// What it costs.
    pub fn report(&self) -> SessionReport {
        match self {
            #[cfg(feature = "cpu")]
            Session::Cpu(compiled) => compiled.report(),
            #[cfg(feature = "webgpu")]
            Session::WebGpu(compiled) => compiled.report(),
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Session::WebNn(compiled) => compiled.report(),
        }
    }
}

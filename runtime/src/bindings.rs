//! Tensors that stay on a device between runs and between sessions: the state of a decoder, what one graph gives and another takes.
//!
//! A [`DeviceTensor`] is made once by [`crate::session::Device::tensor`], and named inputs and outputs of a graph are bound to it when the graph
//! is compiled: [`crate::session::Device::compile_bound`]. A run neither uploads nor reads back what is bound.
//!
//! One tensor bound to an input *and* to an output of one session is its state: the run reads the old contents and writes the new ones beside
//! them, and they change places when it is submitted. Every session that is bound to the tensor sees the new ones from then on.

#[cfg(any(feature = "cpu", feature = "webgpu", all(feature = "webnn", target_arch = "wasm32")))]
use crate::backends;
use crate::error::{Error, Result};
use crate::graph::{Graph, OperandDescriptor, ValueId};
use crate::tensor::Tensor;

/// A tensor on a device. Clones are the same tensor.
#[derive(Clone, Debug)]
pub struct DeviceTensor {
    descriptor: OperandDescriptor,
    pub(crate) memory: Memory,
}

/// Where it lies.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    #[cfg(feature = "cpu")]
    Cpu(backends::cpu::Resident),
    #[cfg(feature = "webgpu")]
    WebGpu(backends::webgpu::Resident),
    #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
    WebNn(backends::webnn::Resident),
}

impl DeviceTensor {
    pub(crate) fn new(descriptor: OperandDescriptor, memory: Memory) -> Self {
        Self { descriptor, memory }
    }

    /// Type and shape.
    pub fn descriptor(&self) -> &OperandDescriptor {
        &self.descriptor
    }

    /// A copy of the contents in host memory.
    ///
    /// **Errors** the device's.
    pub async fn read(&self) -> Result<Tensor> {
        match &self.memory {
            #[cfg(feature = "cpu")]
            Memory::Cpu(resident) => Ok(resident.read()),
            #[cfg(feature = "webgpu")]
            Memory::WebGpu(resident) => resident.read(&self.descriptor).await,
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Memory::WebNn(resident) => resident.read(&self.descriptor).await,
        }
    }

    /// Replaces the contents.
    ///
    /// **Errors** [`Error::InputMismatch`] for another type or shape; the device's.
    pub fn write(&self, tensor: &Tensor) -> Result<()> {
        expect("the device tensor", &self.descriptor, tensor.descriptor())?;
        match &self.memory {
            #[cfg(feature = "cpu")]
            Memory::Cpu(resident) => resident.write(tensor),
            #[cfg(feature = "webgpu")]
            Memory::WebGpu(resident) => resident.write(tensor),
            #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
            Memory::WebNn(resident) => resident.write(tensor)?,
        }
        Ok(())
    }
}

/// Which inputs and outputs of a graph are tensors of the device, by name. The rest comes and goes with every run.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    inputs: Vec<(String, DeviceTensor)>,
    outputs: Vec<(String, DeviceTensor)>,
}

impl Bindings {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds an input.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, tensor: &DeviceTensor) -> Self {
        self.inputs.push((name.into(), tensor.clone()));
        self
    }

    /// Binds an output.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>, tensor: &DeviceTensor) -> Self {
        self.outputs.push((name.into(), tensor.clone()));
        self
    }

    /// Binds an input and the output that replaces it.
    #[must_use]
    pub fn state(self, input: impl Into<String>, output: impl Into<String>, tensor: &DeviceTensor) -> Self {
        self.input(input, tensor).output(output, tensor)
    }

    /// The tensor that an input is bound to.
    pub(crate) fn of_input(&self, name: &str) -> Option<&DeviceTensor> {
        find(&self.inputs, name)
    }

    /// The tensor that an output is bound to.
    pub(crate) fn of_output(&self, name: &str) -> Option<&DeviceTensor> {
        find(&self.outputs, name)
    }

    /// **Errors** a name that the graph does not have or that is bound twice, a tensor of another type or shape, one tensor for two outputs.
    pub(crate) fn check(&self, graph: &Graph) -> Result<()> {
        check("input", &self.inputs, graph.inputs(), graph)?;
        check("output", &self.outputs, graph.outputs(), graph)
    }
}

fn find<'a>(bound: &'a [(String, DeviceTensor)], name: &str) -> Option<&'a DeviceTensor> {
    bound.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor)
}

fn check(kind: &str, bound: &[(String, DeviceTensor)], ports: &[(String, ValueId)], graph: &Graph) -> Result<()> {
    for (index, (name, tensor)) in bound.iter().enumerate() {
        let Some((_, value)) = ports.iter().find(|(known, _)| known == name) else {
            let known = ports.iter().map(|(name, _)| name.clone()).collect();
            return Err(Error::UnknownBinding { kind: kind.into(), name: name.clone(), known });
        };
        expect(name, graph.descriptor(*value), tensor.descriptor())?;
        let twice =
            bound[..index].iter().any(|(other, before)| other == name || (kind == "output" && same(&before.memory, &tensor.memory)));
        if twice {
            return Err(Error::BoundTwice { kind: kind.into(), name: name.clone() });
        }
    }
    Ok(())
}

fn expect(name: &str, expected: &OperandDescriptor, found: &OperandDescriptor) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::InputMismatch { name: name.to_owned(), expected: expected.to_string(), found: found.to_string() })
}

/// True where both are one tensor.
pub(crate) fn same(a: &Memory, b: &Memory) -> bool {
    match (a, b) {
        #[cfg(feature = "cpu")]
        (Memory::Cpu(a), Memory::Cpu(b)) => a.is(b),
        #[cfg(feature = "webgpu")]
        (Memory::WebGpu(a), Memory::WebGpu(b)) => a.is(b),
        #[cfg(all(feature = "webnn", target_arch = "wasm32"))]
        (Memory::WebNn(a), Memory::WebNn(b)) => a.is(b),
        #[allow(unreachable_patterns)]
        _ => false,
    }
}

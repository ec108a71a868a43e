//! A program checked and given its memory.

use super::blocked::Scratch;
use super::device::Device;
use super::execute;
use super::resident::Resident;
use super::tape::Tape;
use super::{attention, convolution, linear};
use crate::bindings::{Bindings, DeviceTensor, Memory};
use crate::error::{Error, Result};
use crate::graph::ValueId;
use crate::optimize::{Kernel, PackedConstant, Program, Step};
use crate::session::SessionReport;
use crate::tensor::Tensor;

/// A compiled program with its arena; runs allocate nothing but outputs that the caller still holds.
#[derive(Debug)]
pub struct Compiled {
    pub(super) device: Device,
    pub(super) program: Program,
    /// One per constant of the program; mapped weights stay where they are.
    pub(super) constants: Vec<Tensor>,
    /// By step: its formula, ready to evaluate.
    pub(super) tapes: Vec<Option<Tape>>,
    pub(super) arena: Vec<u128>,
    /// Where a step with several outputs writes them, one after another, before they are moved to their places.
    pub(super) several: Vec<u128>,
    /// Packed left sides of products.
    pub(super) scratch: Scratch,
    pub(super) outputs: Vec<Tensor>,
    /// By input and by output: the tensor that it is bound to.
    bound_inputs: Vec<Option<Resident>>,
    bound_outputs: Vec<Option<Resident>>,
}

pub(super) fn compile(
    device: Device,
    program: &Program,
    constant: &mut dyn FnMut(&PackedConstant) -> Result<Tensor>,
    bindings: &Bindings,
) -> Result<Compiled> {
    program.steps.iter().try_for_each(|step| check(program, step))?;
    let constants = program.constants.iter().map(constant).collect::<Result<Vec<_>>>()?;
    let outputs = program.outputs.iter().map(|(_, value)| Tensor::zeros(program.descriptor(*value).clone())).collect();
    let bound_inputs = program.inputs.iter().map(|(name, _)| resident(name, bindings.of_input(name))).collect::<Result<_>>()?;
    let bound_outputs = program.outputs.iter().map(|(name, _)| resident(name, bindings.of_output(name))).collect::<Result<_>>()?;
    let scratch = program.steps.iter().map(|step| match &step.kernel {
        Kernel::Linear(linear) => linear::scratch_length(linear),
        Kernel::Operator { operator, .. } if operator.name == "conv2d" => {
            program.call(step).map_or(0, |call| convolution::scratch_length(&call))
        }
        _ => 0,
    });
    let tapes = program.steps.iter().map(|step| match &step.kernel {
        Kernel::Pointwise(pointwise) => Some(Tape::new(&pointwise.expression)),
        Kernel::Linear(linear) => linear.activation.as_ref().map(Tape::new),
        _ => None,
    });
    let several = program.steps.iter().filter(|step| step.outputs.len() > 1);
    let several = several.map(|step| step.outputs.iter().map(|value| words(program.descriptor(*value).byte_length())).sum()).max();
    Ok(Compiled {
        constants,
        tapes: tapes.collect(),
        arena: vec![0; words(program.arena_bytes)],
        several: vec![0; several.unwrap_or(0)],
        scratch: Scratch::new(scratch.max().unwrap_or(0)),
        outputs,
        bound_inputs,
        bound_outputs,
        program: program.clone(),
        device,
    })
}

fn resident(name: &str, bound: Option<&DeviceTensor>) -> Result<Option<Resident>> {
    match bound.map(|tensor| &tensor.memory) {
        None => Ok(None),
        Some(Memory::Cpu(resident)) => Ok(Some(resident.clone())),
        #[allow(unreachable_patterns)]
        Some(_) => Err(Error::ForeignTensor { name: name.to_owned() }),
    }
}

/// Words of an arena that so many bytes take.
pub(super) fn words(bytes: usize) -> usize {
    bytes.div_ceil(size_of::<u128>())
}

/// Refuses what no kernel here computes, before anything runs.
fn check(program: &Program, step: &Step) -> Result<()> {
    let unsupported = |reason: String| Err(Error::Unsupported { operator: step.kernel.name().into(), platform: "cpu".into(), reason });
    if let Kernel::Attention(attention) = &step.kernel
        && !attention::fits(attention, |value: ValueId| program.descriptor(value).element_count())
    {
        return unsupported(format!("heads outside their tensor (in `{}`)", step.label));
    }
    Ok(())
}

impl Compiled {
    /// Runs once. `inputs` are those of the graph that are not bound, by name, in any order, each in its type and shape.
    ///
    /// **Errors** [`Error::MissingInput`], [`Error::UnknownInput`], [`Error::InputMismatch`].
    pub fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>> {
        let bound: Vec<Option<Tensor>> = self.bound_inputs.iter().map(|bound| bound.as_ref().map(Resident::read)).collect();
        let ordered = self.ordered(inputs, &bound)?;
        execute::run(self, &ordered);
        // What was bound is the memory of the next run only if nobody else holds it.
        drop(bound);
        let mut given = Vec::with_capacity(self.outputs.len());
        for (index, (name, _)) in self.program.outputs.iter().enumerate() {
            match &self.bound_outputs[index] {
                Some(resident) => resident.exchange(&mut self.outputs[index]),
                None => given.push((name.clone(), self.outputs[index].clone())),
            }
        }
        Ok(given)
    }

    /// The inputs in the program's order.
    fn ordered<'a>(&self, inputs: &[(&str, &'a Tensor)], bound: &'a [Option<Tensor>]) -> Result<Vec<&'a Tensor>> {
        let known = || self.program.inputs.iter().zip(bound).filter(|(_, bound)| bound.is_none()).map(|((name, _), _)| name);
        if let Some((name, _)) = inputs.iter().find(|(name, _)| known().all(|other| other != name)) {
            return Err(Error::UnknownInput { name: (*name).to_owned(), known: known().cloned().collect() });
        }
        let find = |((name, value), bound): (&(String, ValueId), &'a Option<Tensor>)| {
            if let Some(tensor) = bound {
                return Ok(tensor);
            }
            let expected = self.program.descriptor(*value);
            let Some((_, tensor)) = inputs.iter().find(|(other, _)| other == name) else {
                return Err(Error::MissingInput { name: name.clone(), expected: expected.to_string() });
            };
            if tensor.descriptor() != expected {
                let (expected, found) = (expected.to_string(), tensor.descriptor().to_string());
                return Err(Error::InputMismatch { name: name.clone(), expected, found });
            }
            Ok(*tensor)
        };
        self.program.inputs.iter().zip(bound).map(find).collect()
    }

    /// What it costs.
    pub fn report(&self) -> SessionReport {
        let outputs: usize = self.outputs.iter().map(|tensor| tensor.bytes().len()).sum();
        let weights: usize = self.constants.iter().map(|tensor| tensor.bytes().len()).sum();
        SessionReport {
            dispatches: self.program.dispatches(),
            arena_bytes: self.program.arena_bytes(),
            weight_bytes: weights,
            allocated_bytes: (std::mem::size_of_val(&self.arena[..])
                + std::mem::size_of_val(&self.several[..])
                + self.scratch.bytes()
                + outputs
                + weights) as u64,
            allocations: None,
        }
    }
}

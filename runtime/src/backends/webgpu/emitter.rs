//! An operator that nothing fused → dispatches: what its file in `ops` is given to make them with.

use std::ops::Deref;

use super::dispatch::Dispatch;
use super::kernels::element::{Form, element, packed_strides};
use super::lower::{Lowering, Options, unsupported};
use super::shader::{Shader, Tensor};
use super::storage::Storage;
use crate::error::{Error, Result};
use crate::graph::{Call, ValueId};
use crate::optimize::{self, Instruction, Operation, PointwiseInput};

/// The WebGPU part of an operator: its dispatches, for every type that the operator's rule accepts.
pub(crate) type Wgsl = fn(&mut Emitter<'_>) -> Result<()>;

/// A call with the tensors of its operands, and the dispatches that it becomes.
pub(crate) struct Emitter<'a> {
    call: &'a Call<'a>,
    pub(crate) options: &'a Options,
    pub(crate) label: &'a str,
    pub(crate) outputs: &'a [ValueId],
    /// The first output.
    pub(crate) output: Tensor,
    lowering: &'a Lowering<'a>,
    dispatches: &'a mut Vec<Dispatch>,
}

impl<'a> Deref for Emitter<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        self.call
    }
}

impl<'a> Emitter<'a> {
    /// A shader that computes some of it.
    pub(crate) fn shader(&self) -> Shader<'a> {
        Shader::new(self.options, self.label)
    }

    /// The operands in the order of the parameters.
    pub(crate) fn operand_ids(&self) -> Vec<ValueId> {
        self.arguments.iter().flat_map(|argument| argument.operands().iter().copied()).collect()
    }

    /// A tensor by its value.
    pub(crate) fn value(&self, id: ValueId) -> Result<Tensor> {
        self.lowering.tensor(id, self.label)
    }

    /// A required tensor.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor> {
        match self.argument(name).operands() {
            [id, ..] => self.value(*id),
            [] => Err(self.refuse(format!("no `{name}`"))),
        }
    }

    /// An optional tensor.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        self.argument(name).operands().first().map(|id| self.value(*id)).transpose()
    }

    /// A required tensor of floats.
    pub(crate) fn floats(&self, name: &str) -> Result<Tensor> {
        let tensor = self.tensor(name)?;
        match tensor.storage.scalar() {
            "f32" => Ok(tensor),
            _ => Err(self.refuse(format!("takes floats, found {}", self.operand(name).data_type))),
        }
    }

    /// Sizes of a value.
    pub(crate) fn shape_of(&self, id: ValueId) -> &'a [usize] {
        &self.lowering.program.descriptor(id).shape
    }

    /// Sizes of the first output.
    pub(crate) fn output_shape(&self) -> &'a [usize] {
        self.shape_of(self.outputs[0])
    }

    /// An error of this operator.
    pub(crate) fn refuse(&self, reason: String) -> Error {
        unsupported(self.label, reason)
    }

    /// Adds a dispatch.
    pub(crate) fn push(&mut self, dispatch: Dispatch) {
        self.dispatches.push(dispatch);
    }

    /// Adds the dispatch that writes every element of `output`: see [`element`].
    pub(crate) fn element(&mut self, shader: Shader<'_>, output: &Tensor, form: Form, body: &str) -> Result<()> {
        self.dispatches.push(element(shader, output, form, body, self.options)?);
        Ok(())
    }

    /// Memory for what one dispatch leaves to another.
    pub(crate) fn scratch(&self, storage: Storage, elements: usize) -> Tensor {
        self.lowering.scratch(storage, elements)
    }

    /// A tensor that a kernel can write element by element: the output itself, or memory that [`Self::narrow`] packs.
    pub(crate) fn written(&self, output: &Tensor) -> Tensor {
        self.lowering.written(output)
    }

    /// Rounds what was written to the output's type, if that is another tensor.
    pub(crate) fn narrow(&mut self, written: &Tensor, output: &Tensor) -> Result<()> {
        self.lowering.narrow(written, output, self.label, self.dispatches)
    }

    /// Writes `output` with the elements of the first operand that lie `strides` apart from `offset` on.
    pub(crate) fn view(&mut self, output: ValueId, offset: usize, strides: Vec<usize>) -> Result<()> {
        let value = self.operand_ids()[0];
        let data_type = self.lowering.program.descriptor(value).data_type;
        let instructions = vec![Instruction { operation: Operation::Input(0), data_type }];
        self.strided(output, vec![PointwiseInput { value, offset, strides }], instructions)
    }

    /// What the optimiser leaves as operators, elements of half a byte, as an element-wise kernel.
    fn strided(&mut self, output: ValueId, mut inputs: Vec<PointwiseInput>, instructions: Vec<Instruction>) -> Result<()> {
        let mut shape = self.shape_of(output).to_vec();
        if shape.contains(&0) {
            return Ok(());
        }
        if shape.is_empty() {
            shape.push(1);
            inputs.iter_mut().for_each(|input| input.strides.push(0));
        }
        let step = optimize::Pointwise { shape, inputs, expression: optimize::Expression { instructions } };
        self.lowering.pointwise(&step, &self.value(output)?, self.label, self.dispatches)
    }
}

impl Lowering<'_> {
    /// An operator that nothing fused.
    pub(super) fn operator(
        &self,
        call: &Call<'_>,
        outputs: &[ValueId],
        output: &Tensor,
        label: &str,
        dispatches: &mut Vec<Dispatch>,
    ) -> Result<()> {
        let mut emitter = Emitter { call, options: self.options, label, outputs, output: output.clone(), lowering: self, dispatches };
        (call.operator.wgsl)(&mut emitter)
    }
}

/// The WebGPU part of every element-wise operator: its function of the operands, which broadcast.
pub(crate) fn elementwise(emitter: &mut Emitter<'_>) -> Result<()> {
    let (ids, output) = (emitter.operand_ids(), emitter.outputs[0]);
    let instruction = |operation, id: ValueId| Instruction { operation, data_type: emitter.lowering.program.descriptor(id).data_type };
    let mut instructions: Vec<_> = ids.iter().enumerate().map(|(index, id)| instruction(Operation::Input(index), *id)).collect();
    // The identity has none.
    instructions.extend(optimize::function(emitter.call).map(|operation| instruction(operation, output)));
    let walk = |id: &ValueId| {
        let shape = emitter.shape_of(*id);
        let strides = optimize::broadcast(shape, &packed_strides(shape), emitter.output_shape());
        PointwiseInput { value: *id, offset: 0, strides }
    };
    let inputs = ids.iter().map(walk).collect();
    emitter.strided(output, inputs, instructions)
}

//! One run: the steps in order, each over all threads.

use super::blocked::Scratch;
use super::compile::{Compiled, words};
use super::{attention, linear, normalization, operator, pointwise};
use crate::graph::ValueId;
use crate::optimize::{Kernel, Place, Program, Step};
use crate::tensor::Tensor;

/// What the steps read: everything but the one tensor being written.
pub(super) struct Memory<'a> {
    pub(super) program: &'a Program,
    inputs: &'a [&'a Tensor],
    constants: &'a [Tensor],
    /// The outputs before and after the one being written.
    outputs: (&'a [Tensor], &'a [Tensor]),
    /// The arena before and after the output, and where the second part begins.
    arena: (&'a [u8], &'a [u8], usize),
}

impl<'a> Memory<'a> {
    /// Bytes of a tensor.
    pub(super) fn bytes(&self, value: ValueId) -> &'a [u8] {
        let length = self.program.descriptor(value).byte_length();
        match self.program.place(value) {
            Place::Input(index) => self.inputs[index].bytes(),
            Place::Constant(index) => self.constants[index].bytes(),
            Place::Output(index) => match self.outputs.0.get(index) {
                Some(tensor) => tensor.bytes(),
                None => self.outputs.1[index - self.outputs.0.len() - 1].bytes(),
            },
            Place::Arena { offset } => {
                let (before, after, start) = self.arena;
                if offset >= start { &after[offset - start..][..length] } else { &before[offset..][..length] }
            }
        }
    }

    /// Elements of a float32 tensor.
    pub(super) fn floats(&self, value: ValueId) -> &'a [f32] {
        bytemuck::cast_slice(self.bytes(value))
    }
}

/// Runs all steps; the outputs are in `compiled.outputs` afterwards.
pub(super) fn run(compiled: &mut Compiled, inputs: &[&Tensor]) {
    let device = compiled.device.clone();
    device.pool.install(|| {
        let Compiled { program, constants, tapes, arena, several, scratch, outputs, .. } = compiled;
        let arena: &mut [u8] = bytemuck::cast_slice_mut(arena);
        for (index, step) in program.steps.iter().enumerate() {
            if step.outputs.len() > 1 {
                let memory = Memory { program, inputs, constants, outputs: (outputs, &[]), arena: (arena, &[], arena.len()) };
                operator::run_several(step, &memory, several);
                move_outputs(program, step, several, arena, outputs);
                continue;
            }
            let output = step.outputs[0];
            let length = program.descriptor(output).byte_length();
            let tape = tapes[index].as_ref();
            match program.place(output) {
                Place::Arena { offset } => {
                    let (before, rest) = arena.split_at_mut(offset);
                    let (bytes, after) = rest.split_at_mut(length);
                    let memory = Memory { program, inputs, constants, outputs: (outputs, &[]), arena: (before, after, offset + length) };
                    execute(step, &memory, tape, scratch, bytes);
                }
                Place::Output(index) => {
                    outputs[index].make_unique();
                    let (before, rest) = outputs.split_at_mut(index);
                    let [tensor, after @ ..] = rest else { unreachable!("an output for every name") };
                    let memory = Memory { program, inputs, constants, outputs: (before, after), arena: (arena, &[], arena.len()) };
                    execute(step, &memory, tape, scratch, tensor.bytes_mut());
                }
                Place::Input(_) | Place::Constant(_) => unreachable!("the plan writes to neither inputs nor constants"),
            }
        }
    });
}

/// Moves the outputs of a step from where it wrote them to their places.
fn move_outputs(program: &Program, step: &Step, several: &[u128], arena: &mut [u8], outputs: &mut [Tensor]) {
    let mut start = 0;
    for value in &step.outputs {
        let length = program.descriptor(*value).byte_length();
        let bytes = &bytemuck::cast_slice(&several[start..])[..length];
        match program.place(*value) {
            Place::Arena { offset } => arena[offset..offset + length].copy_from_slice(bytes),
            Place::Output(index) => {
                outputs[index].make_unique();
                outputs[index].bytes_mut().copy_from_slice(bytes);
            }
            Place::Input(_) | Place::Constant(_) => unreachable!("the plan writes to neither inputs nor constants"),
        }
        start += words(length);
    }
}

fn execute(step: &Step, memory: &Memory<'_>, tape: Option<&super::tape::Tape>, scratch: &mut Scratch, output: &mut [u8]) {
    let float32 = memory.program.descriptor(step.outputs[0]).data_type == crate::graph::DataType::Float32;
    match &step.kernel {
        Kernel::Linear(linear) if float32 => {
            let operands = linear::Operands {
                input: memory.floats(linear.input),
                weight: memory.floats(linear.weight),
                bias: linear.bias.map(|value| memory.floats(value)),
                residual: linear.residual.map(|value| memory.floats(value)),
            };
            linear::run(linear, &operands, tape, scratch, bytemuck::cast_slice_mut(output));
        }
        Kernel::Attention(attention) if float32 => {
            let read = |value| memory.floats(value);
            let mask = attention.mask.map(|(value, _)| read(value));
            let operands = [read(attention.query.value), read(attention.key.value), read(attention.value.value)];
            attention::run(attention, operands, mask, bytemuck::cast_slice_mut(output));
        }
        Kernel::LayerNormalization(norm) if float32 => {
            let [scale, bias] = [norm.scale, norm.bias].map(|value| value.map(|value| memory.floats(value)));
            normalization::run(norm, memory.floats(norm.input), scale, bias, bytemuck::cast_slice_mut(output));
        }
        Kernel::Pointwise(pointwise) => {
            let tape = tape.expect("compiling made a tape for every pointwise step");
            pointwise::run(pointwise, tape, |value| memory.bytes(value), output);
        }
        Kernel::Operator { operator, .. } => {
            let call = memory.program.call(step).unwrap_or_else(|| unreachable!("`{}` is an operator", operator.name));
            operator::run(call, memory, memory.program.descriptor(step.outputs[0]), scratch, output);
        }
        fused => operator::run_widened(fused, memory, tape, scratch, output),
    }
}

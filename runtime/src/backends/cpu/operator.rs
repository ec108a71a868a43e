//! Operators that no fused kernel computes: by fast paths where a model spends time, else by the reference kernels.

use half::f16;
use rayon::prelude::*;

use super::blocked::Scratch;
use super::execute::Memory;
use super::matrix::{Matrix, multiply};
use super::tape::Tape;
use super::{Arguments, Output, attention, broadcast_strides, convolution, each_index, kernel, linear, math, normalization, offset};
use crate::graph::{Call, DataType, OperandDescriptor};
use crate::optimize::{Kernel, Step};

/// Computes one call into `output`.
pub(super) fn run(call: Call<'_>, memory: &Memory<'_>, descriptor: &OperandDescriptor, scratch: &mut Scratch, output: &mut [u8]) {
    let mut operands: [&[u8]; 16] = [&[]; 16];
    let ids = || call.arguments.iter().flat_map(|argument| argument.operands());
    let count = ids().count();
    let long: Vec<&[u8]>;
    let operands = if count <= operands.len() {
        operands.iter_mut().zip(ids()).for_each(|(operand, id)| *operand = memory.bytes(*id));
        &operands[..count]
    } else {
        long = ids().map(|id| memory.bytes(*id)).collect();
        &long
    };
    let arguments = Arguments { call, operands };
    let float32 = descriptor.data_type == DataType::Float32;
    match arguments.operator.name {
        "matmul" if float32 => matmul(&arguments, descriptor, bytemuck::cast_slice_mut(output)),
        "softmax" if float32 && arguments.int("axis") + 1 == descriptor.rank() => softmax(&arguments, descriptor, output),
        "conv2d" => convolution::run(&arguments, descriptor, scratch, output),
        _ => kernel::run(arguments.call, operands, &mut [Output { descriptor, bytes: output }]),
    }
}

/// Computes a call with several outputs, which are written one after another, each from a word on.
pub(super) fn run_several(step: &Step, memory: &Memory<'_>, words: &mut [u128]) {
    let Some(call) = memory.program.call(step) else { unreachable!("an operator has several outputs, no fused kernel has") };
    let operands: Vec<&[u8]> = step.kernel.reads().iter().map(|id| memory.bytes(*id)).collect();
    let mut outputs = Vec::with_capacity(step.outputs.len());
    let mut rest = words;
    for value in &step.outputs {
        let descriptor = memory.program.descriptor(*value);
        let (words, after) = rest.split_at_mut(super::compile::words(descriptor.byte_length()));
        rest = after;
        outputs.push(Output { descriptor, bytes: &mut bytemuck::cast_slice_mut(words)[..descriptor.byte_length()] });
    }
    kernel::run(call, &operands, &mut outputs);
}

/// Batched products, batches in parallel.
fn matmul(arguments: &Arguments<'_>, descriptor: &OperandDescriptor, output: &mut [f32]) {
    let [a, b] = ["a", "b"].map(|name| &arguments.operand(name).shape);
    let (batch, matrix) = descriptor.shape.split_at(descriptor.rank() - 2);
    let (rows, columns, inner) = (matrix[0], matrix[1], a[a.len() - 1]);
    let strides_a = broadcast_strides(&a[..a.len() - 2], batch);
    let strides_b = broadcast_strides(&b[..b.len() - 2], batch);
    let mut starts = Vec::with_capacity(batch.iter().product());
    each_index(batch, |_, index| starts.push((offset(index, &strides_a) * rows * inner, offset(index, &strides_b) * inner * columns)));
    let (a, b) = (arguments.get::<f32>("a"), arguments.get::<f32>("b"));
    output.par_chunks_mut((rows * columns).max(1)).zip(&starts).for_each(|(output, (start_a, start_b))| {
        let left = Matrix { data: &a[*start_a..], row_stride: inner, column_stride: 1 };
        let right = Matrix { data: &b[*start_b..], row_stride: columns, column_stride: 1 };
        multiply([rows, inner, columns], left, right, 1.0, output, columns);
    });
}

fn softmax(arguments: &Arguments<'_>, descriptor: &OperandDescriptor, output: &mut [u8]) {
    output.copy_from_slice(arguments.operands[0]);
    let columns = descriptor.shape.last().copied().unwrap_or(1).max(1);
    bytemuck::cast_slice_mut::<u8, f32>(output).par_chunks_mut(columns).with_min_len(8).for_each(math::softmax);
}

/// A fused kernel of float16: its tensors are widened, computed in float32, and rounded once at the end.
pub(super) fn run_widened(kernel: &Kernel, memory: &Memory<'_>, tape: Option<&Tape>, scratch: &mut Scratch, output: &mut [u8]) {
    let widen = |value| -> Vec<f32> { bytemuck::cast_slice::<u8, f16>(memory.bytes(value)).iter().map(|x| x.to_f32()).collect() };
    let output: &mut [f16] = bytemuck::cast_slice_mut(output);
    let mut wide = vec![0f32; output.len()];
    match kernel {
        Kernel::Linear(linear) => {
            let (input, weight) = (widen(linear.input), widen(linear.weight));
            let (bias, residual) = (linear.bias.map(widen), linear.residual.map(widen));
            let operands = linear::Operands { input: &input, weight: &weight, bias: bias.as_deref(), residual: residual.as_deref() };
            // The activation's own instructions are float16: it follows in its own type.
            let plain = crate::optimize::Linear { activation: None, ..linear.clone() };
            match tape {
                None => linear::run(&plain, &operands, None, scratch, &mut wide),
                Some(tape) => {
                    linear::run(&plain, &linear::Operands { residual: None, ..operands }, None, scratch, &mut wide);
                    let mut narrow: Vec<f16> = wide.iter().map(|x| f16::from_f32(*x)).collect();
                    tape.apply_halves(&mut narrow);
                    wide.iter_mut().zip(&narrow).for_each(|(wide, narrow)| *wide = narrow.to_f32());
                    if let Some(residual) = &residual {
                        math::add(&mut wide, residual);
                    }
                }
            }
        }
        Kernel::Attention(attention) => {
            let mask = attention.mask.map(|(value, _)| widen(value));
            let [query, key, value] = [&attention.query, &attention.key, &attention.value].map(|view| widen(view.value));
            attention::run(attention, [&query, &key, &value], mask.as_deref(), &mut wide);
        }
        Kernel::LayerNormalization(norm) => {
            let (scale, bias) = (norm.scale.map(widen), norm.bias.map(widen));
            normalization::run(norm, &widen(norm.input), scale.as_deref(), bias.as_deref(), &mut wide);
        }
        Kernel::Pointwise(_) | Kernel::Operator { .. } => unreachable!("these compute float16 themselves"),
    }
    output.iter_mut().zip(&wide).for_each(|(output, wide)| *output = f16::from_f32(*wide));
}

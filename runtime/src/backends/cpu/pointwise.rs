//! Element-wise kernels of any type: blocks of the output in parallel, inputs read through their strides.

use rayon::prelude::*;

use super::tape::{BLOCK, Tape};
use crate::graph::ValueId;
use crate::optimize::{Pointwise, PointwiseInput};

/// Elements that one task computes at least.
const TASK: usize = 16 * BLOCK;

/// Computes every element into `output`.
pub(super) fn run<'a>(pointwise: &Pointwise, tape: &Tape, read: impl Fn(ValueId) -> &'a [u8] + Sync, output: &mut [u8]) {
    let size = pointwise.expression.data_type().bits() / 8;
    // Input `n` is at `n`; a kernel has few inputs, so that they are looked up once, here.
    let mut inputs: [&[u8]; 16] = [&[]; 16];
    let count = pointwise.inputs.len().min(inputs.len());
    for (input, place) in pointwise.inputs.iter().zip(&mut inputs) {
        *place = read(input.value);
    }
    let sizes = input_sizes(pointwise);
    output.par_chunks_mut(TASK * size).enumerate().for_each(|(task, output)| {
        for (block, output) in output.chunks_mut(BLOCK * size).enumerate() {
            let first = task * TASK + block * BLOCK;
            let load = |index: usize, register: &mut [u8]| {
                debug_assert!(index < count);
                let size = sizes[index];
                load(&pointwise.shape, &pointwise.inputs[index], inputs[index], size, first, register);
            };
            tape.evaluate(output.len() / size, load, output);
        }
    });
}

/// Bytes of an element of each input.
fn input_sizes(pointwise: &Pointwise) -> [usize; 16] {
    let mut sizes = [0; 16];
    for instruction in &pointwise.expression.instructions {
        if let crate::optimize::Operation::Input(index) = instruction.operation {
            sizes[index] = instruction.data_type.bits() / 8;
        }
    }
    sizes
}

/// Elements `first..` of the output's index space, of one input, until the register is full.
fn load(shape: &[usize], input: &PointwiseInput, data: &[u8], size: usize, first: usize, register: &mut [u8]) {
    let (columns, outer) = shape.split_last().map_or((1, &[][..]), |(columns, outer)| (*columns, outer));
    let stride = input.strides.last().copied().unwrap_or(0);
    let (mut row, mut column) = (first / columns, first % columns);
    let mut rest = register;
    while !rest.is_empty() {
        let mut start = input.offset + column * stride;
        let mut index = row;
        for (size, stride) in outer.iter().zip(&input.strides).rev() {
            start += index % size * stride;
            index /= size;
        }
        let count = (columns - column).min(rest.len() / size);
        let (run, after) = rest.split_at_mut(count * size);
        let element = |index: usize| &data[(start + index * stride) * size..][..size];
        match stride {
            1 => run.copy_from_slice(&data[start * size..][..count * size]),
            0 => run.chunks_exact_mut(size).for_each(|target| target.copy_from_slice(element(0))),
            _ => run.chunks_exact_mut(size).enumerate().for_each(|(index, target)| target.copy_from_slice(element(index))),
        }
        rest = after;
        (row, column) = (row + 1, 0);
    }
}

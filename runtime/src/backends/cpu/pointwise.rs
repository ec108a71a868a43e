//! Element-wise kernels of any type: blocks of the output in parallel, inputs read through their strides.

use rayon::prelude::*;

use super::tape::{BLOCK, Inputs, Tape};
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
            let length = output.len() / size;
            tape.evaluate(length, &Block { pointwise, inputs: &inputs[..count], sizes: &sizes, first, length }, output);
        }
    });
}

/// A block of the output's index space.
struct Block<'a> {
    pointwise: &'a Pointwise,
    inputs: &'a [&'a [u8]],
    sizes: &'a [usize; 16],
    first: usize,
    length: usize,
}

impl Inputs for Block<'_> {
    fn lying(&self, input: usize) -> Option<&[u8]> {
        let (shape, place) = (&self.pointwise.shape, &self.pointwise.inputs[input]);
        let mut packed = 1;
        for (size, stride) in shape.iter().zip(&place.strides).rev() {
            if *stride != packed && *size != 1 {
                return None;
            }
            packed *= size;
        }
        let size = self.sizes[input];
        Some(&self.inputs[input][(place.offset + self.first) * size..][..self.length * size])
    }

    fn load(&self, input: usize, register: &mut [u8]) {
        load(&self.pointwise.shape, &self.pointwise.inputs[input], self.inputs[input], self.sizes[input], self.first, register);
    }
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
        match size {
            1 => copy::<u8>(&data[start..], stride, run),
            2 => copy::<u16>(&data[start * 2..], stride, run),
            4 => copy::<u32>(&data[start * 4..], stride, run),
            _ => copy::<u64>(&data[start * 8..], stride, run),
        }
        rest = after;
        (row, column) = (row + 1, 0);
    }
}

/// Elements `stride` apart, side by side.
fn copy<T: bytemuck::Pod>(from: &[u8], stride: usize, to: &mut [u8]) {
    let (from, to): (&[T], &mut [T]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
    match stride {
        0 => to.fill(from[0]),
        1 => to.copy_from_slice(&from[..to.len()]),
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
    }
}

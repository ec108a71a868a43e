//! What a reference kernel gets: its call, the operands by parameter name, the outputs to fill.

use std::ops::Deref;

use crate::graph::{Call, OperandDescriptor};
use crate::tensor::Element;

/// A reference kernel: simple, single-threaded, for every type the operator's rule accepts (4-bit types aside).
pub type Kernel = fn(&Arguments<'_>, &mut [Output<'_>]);

/// A call with the bytes of its operands.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// Options and descriptors.
    pub call: Call<'a>,
    /// One per operand, in the order of [`crate::graph::Node::operands`].
    pub operands: &'a [&'a [u8]],
}

/// An output to fill, packed.
#[derive(Debug)]
pub struct Output<'a> {
    /// Type and shape.
    pub descriptor: &'a OperandDescriptor,
    /// Its bytes.
    pub bytes: &'a mut [u8],
}

impl<'a> Deref for Arguments<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        &self.call
    }
}

impl<'a> Arguments<'a> {
    /// Elements of a required tensor.
    pub fn get<T: Element>(&self, name: &str) -> &'a [T] {
        self.list(name)[0]
    }

    /// Elements of an optional tensor.
    pub fn optional<T: Element>(&self, name: &str) -> Option<&'a [T]> {
        self.list(name).first().copied()
    }

    /// Elements of every tensor in a list.
    pub fn list<T: Element>(&self, name: &str) -> Vec<&'a [T]> {
        let position = self.operator.parameter(name).map_or(0, |(index, _)| index);
        let first: usize = self.arguments[..position].iter().map(|argument| argument.operands().len()).sum();
        let count = self.argument(name).operands().len();
        self.operands[first..first + count].iter().map(|bytes| bytemuck::cast_slice(bytes)).collect()
    }
}

impl Output<'_> {
    /// Its elements.
    pub fn elements<T: Element>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.bytes)
    }

    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        &self.descriptor.shape
    }
}

/// Strides of a packed tensor.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Strides of a packed tensor of shape `from` stretched to `shape`.
pub(crate) fn broadcast_strides(from: &[usize], shape: &[usize]) -> Vec<usize> {
    let packed = strides(from);
    let missing = shape.len() - from.len();
    (0..shape.len()).map(|axis| axis.checked_sub(missing).map_or(0, |axis| if from[axis] == 1 { 0 } else { packed[axis] })).collect()
}

/// Calls `body` with every index of `shape`, in row-major order, and its number.
pub(crate) fn each_index(shape: &[usize], mut body: impl FnMut(usize, &[usize])) {
    walk(shape, &mut body);
}

/// Compiled once: the kernels are many, and none of them is where a model spends its time.
fn walk(shape: &[usize], body: &mut dyn FnMut(usize, &[usize])) {
    let mut index = vec![0; shape.len()];
    for number in 0..shape.iter().product() {
        body(number, &index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Offset of an index by strides.
pub(crate) fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// Fills an output of any type with elements of a tensor: `source` gives the place of each index.
pub(crate) fn move_elements(input: &[u8], output: &mut Output<'_>, mut source: impl FnMut(&[usize]) -> usize) {
    let size = output.descriptor.data_type.bits() / 8;
    each_index(&output.descriptor.shape, |number, index| {
        let from = source(index) * size;
        output.bytes[number * size..][..size].copy_from_slice(&input[from..from + size]);
    });
}

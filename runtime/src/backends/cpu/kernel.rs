//! What a reference kernel gets: its call, the operands by parameter name, the outputs to fill.

use std::ops::Deref;

use super::number::{Number, for_type, within_four_bits};
use crate::graph::{Call, DataType, OperandDescriptor};
use crate::tensor::Element;

/// A reference kernel: simple, single-threaded, for every type the operator's rule accepts.
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

    /// Elements of a required tensor as float64.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.optional_numbers(name).unwrap_or_default()
    }

    /// Elements of an optional tensor as float64.
    pub fn optional_numbers(&self, name: &str) -> Option<Vec<f64>> {
        let bytes = self.bytes(name)?;
        Some(for_type!(self.operand(name).data_type, T => {
            bytemuck::cast_slice::<u8, T>(bytes).iter().map(|x| x.to_f64()).collect()
        }))
    }

    /// Elements of a tensor of indices.
    pub fn indices(&self, name: &str) -> Indices {
        let bytes = self.operands[self.range(name).start];
        Indices(
            for_type!(self.operand(name).data_type, T => bytemuck::cast_slice::<u8, T>(bytes).iter().map(|x| x.to_i128().unwrap_or_default() as i64).collect()),
        )
    }

    /// The slices of `input` that the coordinates along the last axis of `indices` name: the number of each.
    pub fn slices(&self) -> Vec<usize> {
        let (input, indices) = (&self.operand("input").shape, self.indices("indices"));
        let count = self.operand("indices").shape.last().copied().unwrap_or(1);
        let sizes = &input[..count];
        let number =
            |slice: usize| sizes.iter().enumerate().fold(0, |sum, (axis, size)| sum * size + indices.place(slice * count + axis, *size));
        (0..indices.0.len() / count).map(number).collect()
    }

    /// Bytes of an optional tensor.
    pub fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.operands[self.range(name)].first().copied()
    }

    /// Elements of every tensor in a list.
    pub fn list<T: Element>(&self, name: &str) -> Vec<&'a [T]> {
        self.operands[self.range(name)].iter().map(|bytes| bytemuck::cast_slice(bytes)).collect()
    }
}

impl Arguments<'_> {
    /// Where a parameter's tensors stand among the operands.
    fn range(&self, name: &str) -> std::ops::Range<usize> {
        let position = self.operator.parameter(name).map_or(0, |(index, _)| index);
        let first: usize = self.arguments[..position].iter().map(|argument| argument.operands().len()).sum();
        first..first + self.argument(name).operands().len()
    }
}

impl Output<'_> {
    /// Fills it with numbers, each rounded once to its type; integers round to even and stop at the type's range.
    pub fn store(&mut self, numbers: &[f64]) {
        let data_type = self.descriptor.data_type;
        for_type!(data_type, T => {
            let round = |x: f64| if T::IS_FLOAT { x } else { within_four_bits(data_type, x.round_ties_even()) };
            self.elements::<T>().iter_mut().zip(numbers).for_each(|(output, x)| *output = T::from_f64(round(*x)));
        })
    }

    /// Its elements.
    pub fn elements<T: Element>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.bytes)
    }

    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        &self.descriptor.shape
    }
}

/// Indices of elements along an axis, as they are given.
#[derive(Debug)]
pub struct Indices(Vec<i64>);

impl Indices {
    /// The place along an axis of `size` that index `number` names: counted from the end where it is negative, then clamped.
    pub fn place(&self, number: usize, size: usize) -> usize {
        let index = self.0[number];
        let index = if index < 0 { index.saturating_add(size as i64) } else { index };
        index.clamp(0, size as i64 - 1) as usize
    }
}

/// Runs an operator's kernel. Tensors of 4-bit elements are unpacked before it, to a byte an element, and packed after it.
pub(crate) fn run(call: Call<'_>, operands: &[&[u8]], outputs: &mut [Output<'_>]) {
    let kernel = call.operator.kernel;
    let ids = || call.arguments.iter().flat_map(|argument| argument.operands());
    let types: Vec<DataType> = ids().map(|id| call.values.descriptor(*id).data_type).collect();
    let narrow = |data_type: DataType| data_type.bits() < 8;
    if !types.iter().copied().chain(outputs.iter().map(|output| output.descriptor.data_type)).any(narrow) {
        return kernel(&Arguments { call, operands }, outputs);
    }
    let counts = ids().map(|id| call.values.descriptor(*id).element_count());
    let wide: Vec<Vec<u8>> = operands
        .iter()
        .zip(types.iter().zip(counts))
        .map(|(bytes, (data_type, count))| if narrow(*data_type) { unpack(*data_type, bytes, count) } else { Vec::new() })
        .collect();
    let operands: Vec<&[u8]> = operands
        .iter()
        .zip(&wide)
        .zip(&types)
        .map(|((bytes, wide), data_type)| if narrow(*data_type) { &wide[..] } else { *bytes })
        .collect();
    let size = |output: &Output<'_>| if narrow(output.descriptor.data_type) { output.descriptor.element_count() } else { 0 };
    let mut made: Vec<Vec<u8>> = outputs.iter().map(|output| vec![0; size(output)]).collect();
    let mut wide_outputs: Vec<Output<'_>> = Vec::new();
    for (output, made) in outputs.iter_mut().zip(&mut made) {
        let bytes = if narrow(output.descriptor.data_type) { &mut made[..] } else { &mut *output.bytes };
        wide_outputs.push(Output { descriptor: output.descriptor, bytes });
    }
    kernel(&Arguments { call, operands: &operands }, &mut wide_outputs);
    drop(wide_outputs);
    for (output, made) in outputs.iter_mut().zip(&made).filter(|(output, _)| narrow(output.descriptor.data_type)) {
        for (byte, pair) in output.bytes.iter_mut().zip(made.chunks(2)) {
            *byte = pair[0] & 15 | pair.get(1).map_or(0, |high| high << 4);
        }
    }
}

/// A byte for each 4-bit element, the first of a byte in its low bits; the sign is extended.
fn unpack(data_type: DataType, bytes: &[u8], count: usize) -> Vec<u8> {
    let nibble = |index: usize| bytes[index / 2] >> (4 * (index % 2)) & 15;
    let extend = |nibble: u8| if data_type == DataType::Int4 && nibble > 7 { nibble | 0xf0 } else { nibble };
    (0..count).map(|index| extend(nibble(index))).collect()
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
    move_numbered(input, output, |_, index| source(index));
}

/// As [`move_elements`]; `source` also gets the number of each index.
pub(crate) fn move_numbered(input: &[u8], output: &mut Output<'_>, mut source: impl FnMut(usize, &[usize]) -> usize) {
    let size = output.descriptor.data_type.bits().div_ceil(8);
    each_index(&output.descriptor.shape, |number, index| {
        let from = source(number, index) * size;
        output.bytes[number * size..][..size].copy_from_slice(&input[from..from + size]);
    });
}

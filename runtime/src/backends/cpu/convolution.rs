//! Convolution as matrix products: the windows of a block of positions are laid out as rows, then multiplied by the filter.

use half::f16;
use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::{Arguments, linear, math};
use crate::graph::{Call, DataType, OperandDescriptor};
use crate::ops::conv2d::Convolution;

/// Floats that the windows of a block take at most: what stays in the caches of a few cores.
const BLOCK: usize = 1 << 20;

/// Floats that a call needs beside its operands.
pub(super) fn scratch_length(call: &Call<'_>) -> usize {
    Convolution::of(call).map_or(0, |convolution| if pointwise(&convolution) { 0 } else { block(&convolution) * inner(&convolution) })
}

/// Computes a call in float32; float16 is widened and rounded once at the end.
pub(super) fn run(arguments: &Arguments<'_>, descriptor: &OperandDescriptor, scratch: &mut linear::Scratch, output: &mut [u8]) {
    let Ok(convolution) = Convolution::of(arguments) else { unreachable!("the rule checked it") };
    let filter_layout = arguments.text("filter_layout");
    let layouts = Layouts {
        nchw: arguments.text("input_layout") == "nchw",
        channels_last: matches!(filter_layout, "ohwi" | "hwio"),
        outputs_last: filter_layout.ends_with('o'),
    };
    let fast = |operands: [Option<&[f32]>; 3], scratch: &mut linear::Scratch, output: &mut [f32]| {
        let [Some(input), Some(filter), bias] = operands else { unreachable!("conv2d has an input and a filter") };
        float32(&convolution, layouts, input, filter, bias, scratch.floats(scratch_length(arguments)), output);
    };
    let names = ["input", "filter", "bias"];
    if descriptor.data_type == DataType::Float32 {
        return fast(names.map(|name| arguments.optional::<f32>(name)), scratch, bytemuck::cast_slice_mut(output));
    }
    let wide = names.map(|name| Some(arguments.optional::<f16>(name)?.iter().map(|x| x.to_f32()).collect::<Vec<f32>>()));
    let mut result = vec![0f32; descriptor.element_count()];
    fast([wide[0].as_deref(), wide[1].as_deref(), wide[2].as_deref()], scratch, &mut result);
    bytemuck::cast_slice_mut::<u8, f16>(output).iter_mut().zip(&result).for_each(|(output, x)| *output = f16::from_f32(*x));
}

/// What of the layouts decides how the products are laid out.
#[derive(Clone, Copy)]
struct Layouts {
    nchw: bool,
    /// The filter's input channels stand after its rows and columns.
    channels_last: bool,
    /// The filter's output channels stand last.
    outputs_last: bool,
}

/// Elements of the filter that one output element reads.
fn inner(c: &Convolution) -> usize {
    c.input.sizes[1] / c.groups * c.window.sizes[0] * c.window.sizes[1]
}

/// Positions of the output taken at once.
fn block(c: &Convolution) -> usize {
    let positions = c.output.sizes[2] * c.output.sizes[3];
    (BLOCK / inner(c)).clamp(64, 1 << 16).min(positions)
}

/// True where a window is one element and the image itself is the matrix of windows.
fn pointwise(c: &Convolution) -> bool {
    c.window.sizes == [1, 1] && c.window.strides == [1, 1] && c.window.padding == [0; 4]
}

fn float32(
    c: &Convolution,
    layouts: Layouts,
    input: &[f32],
    filter: &[f32],
    bias: Option<&[f32]>,
    scratch: &mut [f32],
    output: &mut [f32],
) {
    let (inner, block) = (inner(c), block(c));
    let [batches, channels, rows, columns] = c.output.sizes;
    let positions = rows * columns;
    let [group_inputs, group_outputs] = [c.input.sizes[1] / c.groups, channels / c.groups];
    for batch in 0..batches {
        let image = &input[batch * c.input.strides[0]..];
        let output = &mut output[batch * c.output.strides[0]..][..channels * positions];
        for group in 0..c.groups {
            let image = &image[group * group_inputs * c.input.strides[1]..];
            let (row_stride, column_stride) = if layouts.outputs_last { (1, channels) } else { (inner, 1) };
            let filter = Matrix { data: &filter[group * group_outputs * row_stride..], row_stride, column_stride };
            for first in (0..positions).step_by(block) {
                let count = block.min(positions - first);
                // `[position, entry]`
                let windows = if pointwise(c) {
                    Matrix { data: &image[first * c.input.strides[3]..], row_stride: c.input.strides[3], column_stride: c.input.strides[1] }
                } else {
                    let windows = &mut scratch[..count * inner];
                    windows.par_chunks_mut(inner).with_min_len(8).enumerate().for_each(|(position, window)| {
                        let position = first + position;
                        gather(c, image, [position / columns, position % columns], layouts.channels_last, window);
                    });
                    Matrix { data: &*windows, row_stride: inner, column_stride: 1 }
                };
                let parts = 2 * rayon::current_num_threads();
                if layouts.nchw {
                    // The rows of a product are channels.
                    let part = group_outputs.div_ceil(parts);
                    let output = &mut output[group * group_outputs * positions..][..group_outputs * positions];
                    output.par_chunks_mut(part * positions).enumerate().for_each(|(index, output)| {
                        let (start, length) = (index * part, output.len() / positions);
                        let filter = Matrix { data: &filter.data[start * filter.row_stride..], ..filter };
                        let windows = Matrix { data: windows.data, row_stride: windows.column_stride, column_stride: windows.row_stride };
                        multiply([length, inner, count], filter, windows, 1.0, &mut output[first..], positions);
                        if let Some(bias) = bias {
                            for (row, output) in output.chunks_mut(positions).enumerate() {
                                let bias = bias[group * group_outputs + start + row];
                                output[first..first + count].iter_mut().for_each(|x| *x += bias);
                            }
                        }
                    });
                } else {
                    // The rows of a product are positions.
                    let part = count.div_ceil(parts);
                    let output = &mut output[first * channels..][..count * channels];
                    output.par_chunks_mut(part * channels).enumerate().for_each(|(index, output)| {
                        let (start, length) = (index * part, output.len() / channels);
                        let windows = Matrix { data: &windows.data[start * windows.row_stride..], ..windows };
                        let filter = Matrix { data: filter.data, row_stride: filter.column_stride, column_stride: filter.row_stride };
                        let output = &mut output[group * group_outputs..];
                        multiply([length, inner, group_outputs], windows, filter, 1.0, output, channels);
                        if let Some(bias) = bias {
                            let bias = &bias[group * group_outputs..][..group_outputs];
                            output.chunks_mut(channels).for_each(|output| math::add(&mut output[..group_outputs], bias));
                        }
                    });
                }
            }
        }
    }
}

/// What a window shows at a position, in the order of the filter's entries; 0 for the padding.
fn gather(c: &Convolution, image: &[f32], position: [usize; 2], channels_last: bool, window: &mut [f32]) {
    let [rows, columns] = c.window.sizes;
    let channels = window.len() / (rows * columns);
    let [_, channel_stride, row_stride, column_stride] = c.input.strides;
    let from_row = |row: usize| c.window.place(0, position[0], row, c.input.sizes[2]).map(|row| row * row_stride);
    let from_column = |column: usize| c.window.place(1, position[1], column, c.input.sizes[3]).map(|column| column * column_stride);
    if channels_last {
        for (place, entries) in window.chunks_exact_mut(channels).enumerate() {
            match (from_row(place / columns), from_column(place % columns)) {
                (Some(row), Some(column)) if channel_stride == 1 => entries.copy_from_slice(&image[row + column..][..channels]),
                (Some(row), Some(column)) => {
                    entries.iter_mut().enumerate().for_each(|(channel, entry)| *entry = image[row + column + channel * channel_stride]);
                }
                _ => entries.fill(0.0),
            }
        }
        return;
    }
    // Columns that lie side by side, all inside the image.
    let run = (c.window.dilations[1] == 1 && column_stride == 1 && from_column(columns - 1).is_some()).then(|| from_column(0)).flatten();
    for (place, entries) in window.chunks_exact_mut(columns).enumerate() {
        let channel = place / rows * channel_stride;
        match (from_row(place % rows), run) {
            (None, _) => entries.fill(0.0),
            (Some(row), Some(column)) => entries.copy_from_slice(&image[channel + row + column..][..columns]),
            (Some(row), None) => {
                entries.iter_mut().enumerate().for_each(|(column, entry)| {
                    *entry = from_column(column).map_or(0.0, |column| image[channel + row + column]);
                });
            }
        }
    }
}

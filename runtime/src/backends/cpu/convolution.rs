//! Convolution as matrix products: the windows of a block of positions are packed as the left side, and the filter is the right one.
//! Where the channels of a group are few, depthwise convolutions above all, each plane of the output is a sum of shifted planes instead.

use std::ops::Range;

use half::f16;
use rayon::prelude::*;

use super::blocked::{self, Panels, Scratch, Sums, Weights};
use super::product::TILE;
use super::shared::Blocks;
use super::{Arguments, math};
use crate::graph::{Call, DataType, OperandDescriptor};
use crate::ops::conv2d::Convolution;

/// Floats that the windows of a block take at most: what stays in the caches of a few cores.
const BLOCK: usize = 1 << 20;

/// Floats that a call needs beside its operands.
pub(super) fn scratch_length(call: &Call<'_>) -> usize {
    Convolution::of(call).map_or(0, |convolution| blocked::scratch_length(block(&convolution), inner(&convolution)))
}

/// Computes a call in float32; float16 is widened and rounded once at the end.
pub(super) fn run(arguments: &Arguments<'_>, descriptor: &OperandDescriptor, scratch: &mut Scratch, output: &mut [u8]) {
    let Ok(convolution) = Convolution::of(arguments) else { unreachable!("the rule checked it") };
    let filter_layout = arguments.text("filter_layout");
    let layouts = Layouts {
        nchw: arguments.text("input_layout") == "nchw",
        channels_last: matches!(filter_layout, "ohwi" | "hwio"),
        outputs_last: filter_layout.ends_with('o'),
    };
    let fast = |operands: [Option<&[f32]>; 3], scratch: &mut Scratch, output: &mut [f32]| {
        let [Some(input), Some(filter), bias] = operands else { unreachable!("conv2d has an input and a filter") };
        float32(&convolution, layouts, input, filter, bias, scratch, output);
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
    (BLOCK / inner(c)).clamp(64, 1 << 16).next_multiple_of(blocked::panel_rows()).min(positions)
}

fn float32(
    c: &Convolution,
    layouts: Layouts,
    input: &[f32],
    filter: &[f32],
    bias: Option<&[f32]>,
    scratch: &mut Scratch,
    output: &mut [f32],
) {
    if shifted(c) && layouts.nchw {
        return planes(c, input, filter, bias, output);
    }
    let (inner, block) = (inner(c), block(c));
    let [batches, channels, rows, columns] = c.output.sizes;
    let positions = rows * columns;
    let [group_inputs, group_outputs] = [c.input.sizes[1] / c.groups, channels / c.groups];
    let (inner_stride, column_stride) = if layouts.outputs_last { (channels, 1) } else { (1, inner) };
    for batch in 0..batches {
        let image = &input[batch * c.input.strides[0]..];
        let output = &mut output[batch * c.output.strides[0]..][..channels * positions];
        for group in 0..c.groups {
            let image = &image[group * group_inputs * c.input.strides[1]..];
            let first_channel = group * group_outputs;
            let weights = Weights { data: &filter[first_channel * column_stride..], inner_stride, column_stride };
            let bias = bias.map(|bias| &bias[first_channel..][..group_outputs]);
            for first in (0..positions).step_by(block) {
                let count = block.min(positions - first);
                let panels = Panels::pack(count, inner, scratch, |panel, packed, width| {
                    gather(c, image, first + panel.start..first + panel.end, layouts.channels_last, packed, width);
                });
                if layouts.nchw {
                    // A row of the output is a channel's positions.
                    let planes = Blocks::new(&mut output[first_channel * positions..][..group_outputs * positions], positions);
                    blocked::multiply(&panels, weights, group_outputs, |sums| store_planes(sums, bias, first, &planes));
                } else {
                    let pixels = Blocks::new(&mut output[first * channels..][..count * channels], channels);
                    blocked::multiply(&panels, weights, group_outputs, |sums| store_pixels(sums, bias, first_channel, &pixels));
                }
            }
        }
    }
}

/// True where a product would have fewer columns than its kernel computes at once.
fn shifted(c: &Convolution) -> bool {
    c.groups > 1 && c.output.sizes[1] / c.groups < TILE
}

/// Computes each plane of the output by itself, in parallel.
fn planes(c: &Convolution, input: &[f32], filter: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    let [_, channels, rows, columns] = c.output.sizes;
    let [group_inputs, group_outputs] = [c.input.sizes[1] / c.groups, channels / c.groups];
    let [window_rows, window_columns] = c.window.sizes;
    output.par_chunks_mut(rows * columns).enumerate().for_each(|(index, plane)| {
        let (batch, channel) = (index / channels, index % channels);
        plane.fill(bias.map_or(0.0, |bias| bias[channel]));
        for entry in 0..group_inputs * window_rows * window_columns {
            let at = [entry / window_columns / window_rows, entry / window_columns % window_rows, entry % window_columns];
            let [output_stride, strides @ ..] = c.filter_strides;
            let weight = filter[channel * output_stride + at.iter().zip(strides).map(|(at, stride)| at * stride).sum::<usize>()];
            let from = batch * c.input.strides[0] + (channel / group_outputs * group_inputs + at[0]) * c.input.strides[1];
            for (row, line) in plane.chunks_exact_mut(columns).enumerate() {
                Run::new(c, [at[1], at[2]], row, 0, columns).add(weight, &input[from..], line);
            }
        }
    });
}

/// Writes sums where each channel has its own row of positions, the product's first at `first`.
fn store_planes(sums: &Sums<'_>, bias: Option<&[f32]>, first: usize, planes: &Blocks<'_>) {
    for (index, channel) in sums.columns.clone().enumerate() {
        let bias = bias.map_or(0.0, |bias| bias[channel]);
        let mut row = sums.rows.start;
        while row < sums.rows.end {
            let found = sums.column(index, row);
            // SAFETY: blocks of sums are disjoint, and whoever stores one holds one segment at a time.
            #[allow(unsafe_code)]
            let segment = unsafe { planes.segment(channel, first + row, found.len()) };
            segment.iter_mut().zip(found).for_each(|(output, sum)| *output = sum + bias);
            row += found.len();
        }
    }
}

/// Writes sums where each position has its own row of channels, the product's first at `first`.
fn store_pixels(sums: &Sums<'_>, bias: Option<&[f32]>, first: usize, pixels: &Blocks<'_>) {
    for row in sums.rows.clone() {
        // SAFETY: blocks of sums are disjoint, and whoever stores one holds one segment at a time.
        #[allow(unsafe_code)]
        let segment = unsafe { pixels.segment(row, first + sums.columns.start, sums.columns.len()) };
        segment.iter_mut().enumerate().for_each(|(index, output)| *output = sums.column(index, row)[0]);
        if let Some(bias) = bias {
            math::add(segment, &bias[sums.columns.clone()]);
        }
    }
}

/// Packs what the windows at so many positions show: a row of `width` for each entry of the filter, in its order, a window in each column;
/// 0 for the padding and past the last.
fn gather(c: &Convolution, image: &[f32], positions: Range<usize>, channels_last: bool, packed: &mut [f32], width: usize) {
    let channels = c.input.sizes[1] / c.groups;
    let [_, channel_stride, ..] = c.input.strides;
    let places = c.window.sizes[0] * c.window.sizes[1];
    for place in 0..places {
        let entry = [place / c.window.sizes[1], place % c.window.sizes[1]];
        let mut start = positions.start;
        // Positions of one row of the output at a time.
        while start < positions.end {
            let [row, column] = [start / c.output.sizes[3], start % c.output.sizes[3]];
            let count = (c.output.sizes[3] - column).min(positions.end - start);
            let run = Run::new(c, entry, row, column, count);
            for channel in 0..channels {
                let k = if channels_last { place * channels + channel } else { channel * places + place };
                run.copy(&image[channel * channel_stride..], &mut packed[k * width + start - positions.start..][..count]);
            }
            start += count;
        }
    }
    if positions.len() < width {
        packed.chunks_exact_mut(width).for_each(|row| row[positions.len()..].fill(0.0));
    }
}

/// What one entry of a window reads at positions side by side: zeros, elements of one row of the image, zeros.
struct Run {
    before: usize,
    inside: usize,
    start: usize,
    stride: usize,
}

impl Run {
    fn new(c: &Convolution, entry: [usize; 2], row: usize, column: usize, count: usize) -> Self {
        let [.., row_stride, column_stride] = c.input.strides;
        let Some(row) = c.window.place(0, row, entry[0], c.input.sizes[2]) else {
            return Self { before: count, inside: 0, start: 0, stride: 1 };
        };
        let step = c.window.strides[1];
        // The first position that reads inside the image and the first after those.
        let reads = entry[1] * c.window.dilations[1];
        let from = c.window.padding[2].saturating_sub(reads).div_ceil(step);
        let to = (c.input.sizes[3] + c.window.padding[2]).saturating_sub(reads).div_ceil(step);
        let before = from.saturating_sub(column).min(count);
        let inside = to.saturating_sub(column).min(count).saturating_sub(before);
        let start =
            if inside == 0 { 0 } else { row * row_stride + ((column + before) * step + reads - c.window.padding[2]) * column_stride };
        Self { before, inside, start, stride: step * column_stride }
    }

    /// Adds what is read, times a factor.
    fn add(&self, factor: f32, channel: &[f32], target: &mut [f32]) {
        if self.inside == 0 {
            return;
        }
        let (inside, source) = (&mut target[self.before..][..self.inside], &channel[self.start..]);
        match self.stride {
            1 => math::add_scaled(inside, factor, &source[..self.inside]),
            stride => inside.iter_mut().zip(source.iter().step_by(stride)).for_each(|(target, source)| *target += factor * source),
        }
    }

    fn copy(&self, channel: &[f32], target: &mut [f32]) {
        let (before, rest) = target.split_at_mut(self.before);
        let (inside, after) = rest.split_at_mut(self.inside);
        before.fill(0.0);
        after.fill(0.0);
        if self.inside == 0 {
            return;
        }
        let source = &channel[self.start..];
        match self.stride {
            1 => inside.copy_from_slice(&source[..inside.len()]),
            stride => inside.iter_mut().zip(source.iter().step_by(stride)).for_each(|(target, source)| *target = *source),
        }
    }
}

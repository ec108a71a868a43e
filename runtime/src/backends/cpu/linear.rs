//! `activation(input · weight + bias) + residual` in float32.

use rayon::prelude::*;

use super::blocked::{self, BLOCK, Panels, Scratch, Sums, Weights};
use super::product::lanes;
use super::shared::Blocks;
use super::tape::Tape;
use super::{math, vector};
use crate::optimize::Linear;

/// Rows turned at once, at most, from sums by column to output by row.
const ROWS: usize = 16;
/// Multiplications that are worth a second thread.
const TASK: usize = 1 << 14;

/// The tensors of a product.
pub(super) struct Operands<'a> {
    pub(super) input: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) residual: Option<&'a [f32]>,
}

/// True where a panel would be mostly empty: each weight is read for so few rows that reading is the work.
fn few(linear: &Linear) -> bool {
    linear.rows <= (lanes() / 2).max(4)
}

/// Floats that packing the left side takes.
pub(super) fn scratch_length(linear: &Linear) -> usize {
    if few(linear) { 0 } else { blocked::scratch_length(linear.rows, linear.inner) }
}

/// Computes a product into `output`, `[rows, columns]`.
pub(super) fn run(linear: &Linear, operands: &Operands<'_>, tape: Option<&Tape>, scratch: &mut Scratch, output: &mut [f32]) {
    let (inner, columns) = (linear.inner, linear.columns);
    let end = Ending { linear, operands, tape, output: Blocks::new(output, columns) };
    if few(linear) {
        return few_rows(&end);
    }
    let panels = Panels::pack(linear.rows, inner, scratch, |rows, packed, width| {
        pack(&operands.input[rows.start * inner..rows.end * inner], inner, width, packed)
    });
    let (inner_stride, column_stride) = if linear.transposed { (1, inner) } else { (columns, 1) };
    blocked::multiply(&panels, Weights { data: operands.weight, inner_stride, column_stride }, columns, |sums| end.store(sums));
}

/// Blocks of columns in parallel, the rows of each one after another, so that a block's weights are read from memory once.
fn few_rows(end: &Ending<'_>) {
    let Linear { rows, inner, columns, transposed, .. } = *end.linear;
    let parts = if rows * inner * columns < TASK { 1 } else { 4 * rayon::current_num_threads() };
    let part = columns.div_ceil(parts).next_multiple_of(lanes());
    (0..columns.div_ceil(part)).into_par_iter().for_each(|index| {
        let columns = index * part..end.linear.columns.min((index + 1) * part);
        for row in 0..rows {
            // SAFETY: tasks have disjoint blocks of columns, and a task holds one segment at a time.
            #[allow(unsafe_code)]
            let segment = unsafe { end.output.segment(row, columns.start, columns.len()) };
            let input = &end.operands.input[row * inner..][..inner];
            if transposed {
                vector::dots(input, &end.operands.weight[columns.start * inner..], inner, 1.0, segment);
            } else {
                vector::sum_of_rows(input, &end.operands.weight[columns.start..], end.linear.columns, segment);
            }
            end.finish(row, &columns, segment);
        }
    });
}

/// What follows the sums, and where they go.
struct Ending<'a> {
    linear: &'a Linear,
    operands: &'a Operands<'a>,
    tape: Option<&'a Tape>,
    output: Blocks<'a>,
}

impl Ending<'_> {
    /// Turns sums by column into rows, and finishes them while they are in the cache.
    fn store(&self, sums: &Sums<'_>) {
        // Panels are a power of two wide, so that a step never crosses from one into the next.
        let step = ROWS.min(blocked::panel_rows());
        let columns = &sums.columns;
        let mut turned = [[0f32; BLOCK]; ROWS];
        for first in sums.rows.clone().step_by(step) {
            let count = step.min(sums.rows.end - first);
            for column in 0..columns.len() {
                for (turned, sum) in turned.iter_mut().zip(&sums.column(column, first)[..count]) {
                    turned[column] = *sum;
                }
            }
            for (row, turned) in (first..first + count).zip(&turned) {
                // SAFETY: blocks of sums are disjoint, and whoever stores one holds one segment at a time.
                #[allow(unsafe_code)]
                let segment = unsafe { self.output.segment(row, columns.start, columns.len()) };
                segment.copy_from_slice(&turned[..columns.len()]);
                self.finish(row, columns, segment);
            }
        }
    }

    /// Bias, activation and residual of a part of a row.
    fn finish(&self, row: usize, columns: &std::ops::Range<usize>, segment: &mut [f32]) {
        if let Some(bias) = self.operands.bias {
            math::add(segment, &bias[columns.clone()]);
        }
        if let Some(tape) = self.tape {
            tape.apply(segment);
        }
        if let Some(residual) = self.operands.residual {
            math::add(segment, &residual[row * self.linear.columns..][columns.clone()]);
        }
    }
}

/// Rows of `[rows, inner]` as columns of `width`, `[inner, width]`; rows that are not there are 0.
fn pack(input: &[f32], inner: usize, width: usize, packed: &mut [f32]) {
    const SIDE: usize = 16;
    let rows = input.len() / inner;
    if rows < width {
        packed.fill(0.0);
    }
    for first in (0..rows).step_by(SIDE) {
        let count = SIDE.min(rows - first);
        for start in (0..inner).step_by(SIDE) {
            let length = SIDE.min(inner - start);
            let mut block = [[0f32; SIDE]; SIDE];
            for (row, line) in block.iter_mut().enumerate().take(count) {
                line[..length].copy_from_slice(&input[(first + row) * inner + start..][..length]);
            }
            for k in 0..length {
                let target = &mut packed[(start + k) * width + first..][..count];
                for (row, value) in target.iter_mut().enumerate() {
                    *value = block[row][k];
                }
            }
        }
    }
}

//! `activation(input · weight + bias) + residual` in float32, over blocks of columns in parallel.

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use super::math;
use super::product::{TILE, Tile, lanes, vectors};
use super::shared::Blocks;
use super::tape::Tape;
use crate::optimize::Linear;

/// Columns of a block: what one task computes, with all rows of a group.
const BLOCK: usize = 16 * TILE;
/// Inner sizes taken at once, so that a tile's weights and a panel stay in the caches.
const INNER: usize = 768;
/// Rows turned at once, at most, from sums by column to output by row.
const ROWS: usize = 16;
/// Rows of a group, in whole panels: the weights are read once for all of them.
const GROUP: usize = 256;

/// Memory for the packed left side of the largest product.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    memory: Vec<f32>,
}

impl Scratch {
    /// For this many floats.
    pub(super) fn new(length: usize) -> Self {
        let mut scratch = Self::default();
        scratch.floats(length);
        scratch
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        std::mem::size_of_val(&self.memory[..])
    }

    /// So many floats that begin at a cache line; what they hold is left over. Grows where it must.
    pub(super) fn floats(&mut self, length: usize) -> &mut [f32] {
        const LINE: usize = 64;
        if self.memory.len() < length + LINE / 4 {
            self.memory = vec![0.0; length + LINE / 4];
        }
        let start = self.memory.as_ptr().align_offset(LINE).min(LINE / 4);
        &mut self.memory[start..][..length]
    }
}

/// The tensors of a product.
pub(super) struct Operands<'a> {
    pub(super) input: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) residual: Option<&'a [f32]>,
}

/// Floats that packing the left side takes: rows rounded up to whole vectors.
pub(super) fn scratch_length(linear: &Linear) -> usize {
    linear.rows.next_multiple_of(lanes()) * linear.inner
}

/// Computes a product into `output`, `[rows, columns]`.
pub(super) fn run(linear: &Linear, operands: &Operands<'_>, tape: Option<&Tape>, scratch: &mut Scratch, output: &mut [f32]) {
    let lanes = lanes();
    let width = vectors() * lanes;
    let group_rows = GROUP.next_multiple_of(width);
    let inner = linear.inner;
    let packed = scratch.floats(scratch_length(linear));
    if inner > 0 {
        packed.par_chunks_mut(width * inner).enumerate().for_each(|(panel, packed)| {
            let first = panel * width;
            let rows = width.min(linear.rows - first);
            pack(&operands.input[first * inner..][..rows * inner], inner, packed.len() / inner, packed);
        });
    }
    let packed = &*packed;
    let threads = rayon::current_num_threads();
    // Narrow products are cut finer, so that every thread has some.
    let block = BLOCK.min(linear.columns.div_ceil(2 * threads).next_multiple_of(TILE));
    let (blocks, groups) = (linear.columns.div_ceil(block), linear.rows.div_ceil(group_rows));
    let columns = Blocks::new(output, linear.columns);
    (0..blocks * groups).into_par_iter().for_each(|task| {
        let (first, group) = (task / groups * block, task % groups);
        let task = Task {
            linear,
            operands,
            tape,
            packed,
            lanes,
            width,
            rows: group * group_rows..linear.rows.min((group + 1) * group_rows),
            columns: first..linear.columns.min(first + block),
        };
        task.run(&columns);
    });
}

/// One block of columns of one group of rows.
struct Task<'a> {
    linear: &'a Linear,
    operands: &'a Operands<'a>,
    tape: Option<&'a Tape>,
    packed: &'a [f32],
    lanes: usize,
    /// Rows of a full panel.
    width: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

thread_local! {
    static SUMS: RefCell<Scratch> = const { RefCell::new(Scratch { memory: Vec::new() }) };
    static WEIGHTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Task<'_> {
    fn run(&self, output: &Blocks<'_>) {
        let width = self.width;
        let block = self.columns.len().next_multiple_of(TILE);
        let panels = self.rows.len().div_ceil(width);
        SUMS.with_borrow_mut(|sums| {
            let sums = sums.floats(panels * block * width);
            self.multiply(sums, block, panels);
            self.finish(sums, block, output);
        });
    }

    /// Sums `[panel][column][row of the panel]`.
    fn multiply(&self, sums: &mut [f32], block: usize, panels: usize) {
        let (inner, width) = (self.linear.inner, self.width);
        let arch = Arch::new();
        if inner == 0 {
            return sums.fill(0.0);
        }
        for start in (0..inner).step_by(INNER) {
            let length = INNER.min(inner - start);
            for tile in (0..block).step_by(TILE) {
                WEIGHTS.with_borrow_mut(|copied| {
                    let weights = self.weights(tile, start, length, copied);
                    for panel in 0..panels {
                        let first = self.rows.start + panel * width;
                        let vectors = (self.linear.rows - first).div_ceil(self.lanes).min(width / self.lanes);
                        let rows = vectors * self.lanes;
                        let panel_data = &self.packed[first * inner + start * rows..][..length * rows];
                        let sums = &mut sums[(panel * block + tile) * width..][..TILE * rows];
                        arch.dispatch(Tile { panel: panel_data, vectors, weights, sums, accumulate: start > 0 });
                    }
                });
            }
        }
    }

    /// The weights of a tile: rows of the matrix where it is stored so, else copied. Past the last column, that column again.
    fn weights<'w>(&'w self, tile: usize, start: usize, length: usize, copied: &'w mut Vec<f32>) -> [&'w [f32]; TILE] {
        let last = self.linear.columns - 1;
        let column = |index: usize| (self.columns.start + tile + index).min(last);
        let matrix = self.operands.weight;
        if self.linear.transposed {
            return std::array::from_fn(|index| &matrix[column(index) * self.linear.inner + start..][..length]);
        }
        copied.resize(TILE * INNER, 0.0);
        for k in 0..length {
            let row = &matrix[(start + k) * self.linear.columns..][..self.linear.columns];
            (0..TILE).for_each(|index| copied[index * INNER + k] = row[column(index)]);
        }
        let copied = &*copied;
        std::array::from_fn(|index| &copied[index * INNER..][..length])
    }

    /// Bias, activation and residual, while the sums are in the cache; then the block's rows are written.
    fn finish(&self, sums: &[f32], block: usize, output: &Blocks<'_>) {
        let (width, columns) = (self.width, self.linear.columns);
        // Panels are a power of two wide, so that a step never crosses from one into the next.
        let step = ROWS.min(width);
        let mut turned = [[0f32; BLOCK]; ROWS];
        for first in self.rows.clone().step_by(step) {
            let (panel, lane) = ((first - self.rows.start) / width, (first - self.rows.start) % width);
            let vectors = (self.linear.rows - (self.rows.start + panel * width)).div_ceil(self.lanes).min(width / self.lanes);
            let rows = vectors * self.lanes;
            let count = step.min(self.rows.end - first);
            for column in 0..self.columns.len() {
                let tile = column / TILE * TILE;
                let start = (panel * block + tile) * width + (column - tile) * rows + lane;
                for (turned, sum) in turned.iter_mut().zip(&sums[start..][..count]) {
                    turned[column] = *sum;
                }
            }
            for (row, turned) in (first..first + count).zip(&turned) {
                // SAFETY: tasks have disjoint blocks of columns or groups of rows, and a task holds one segment at a time.
                #[allow(unsafe_code)]
                let segment = unsafe { output.segment(row, self.columns.start, self.columns.len()) };
                segment.copy_from_slice(&turned[..self.columns.len()]);
                if let Some(bias) = self.operands.bias {
                    math::add(segment, &bias[self.columns.clone()]);
                }
                if let Some(tape) = self.tape {
                    tape.apply(segment);
                }
                if let Some(residual) = self.operands.residual {
                    math::add(segment, &residual[row * columns..][self.columns.clone()]);
                }
            }
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

//! A product of many rows: the left side packed in panels, blocks of columns and groups of rows in parallel.
//!
//! What stands on the left may be no matrix: whoever packs it decides, and so the windows of a convolution need no matrix of their own. What
//! becomes of the sums is the caller's too, while they are in the cache.

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use super::product::{TILE, Tile, lanes, vectors};

/// Columns of a block: what one task computes, with all rows of a group.
pub(super) const BLOCK: usize = 16 * TILE;
/// Inner sizes taken at once, so that a tile's weights and a panel stay in the caches.
const INNER: usize = 768;
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

/// Floats that packing a left side takes: rows rounded up to whole vectors.
pub(super) fn scratch_length(rows: usize, inner: usize) -> usize {
    rows.next_multiple_of(lanes()) * inner
}

/// Rows of a full panel: a power of two of vectors.
pub(super) fn panel_rows() -> usize {
    vectors() * lanes()
}

/// A left side `[rows, inner]` in panels, each `[inner, rows of the panel]`.
pub(super) struct Panels<'a> {
    packed: &'a [f32],
    rows: usize,
    inner: usize,
}

impl<'a> Panels<'a> {
    /// Packs so many rows: `pack` fills a panel, given its first row and the rows that are there, of the width that it is given last; the
    /// rows past them must be 0.
    pub(super) fn pack(
        rows: usize,
        inner: usize,
        scratch: &'a mut Scratch,
        pack: impl Fn(std::ops::Range<usize>, &mut [f32], usize) + Sync,
    ) -> Self {
        let (packed, width) = (scratch.floats(scratch_length(rows, inner)), panel_rows());
        if inner > 0 {
            packed.par_chunks_mut(width * inner).enumerate().for_each(|(panel, packed)| {
                let first = panel * width;
                let stored = packed.len() / inner;
                pack(first..rows.min(first + width), packed, stored);
            });
        }
        Self { packed, rows, inner }
    }
}

/// A right side `[inner, columns]` where it lies.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) data: &'a [f32],
    pub(super) inner_stride: usize,
    pub(super) column_stride: usize,
}

/// Sums of a block, for the caller to store.
pub(super) struct Sums<'a> {
    sums: &'a [f32],
    /// Rows of the product; whole panels from the first on.
    pub(super) rows: std::ops::Range<usize>,
    /// Columns of the product.
    pub(super) columns: std::ops::Range<usize>,
    block: usize,
    stored: usize,
}

impl Sums<'_> {
    /// The sums of one column, of the rows from `first` to the end of its panel at most.
    pub(super) fn column(&self, column: usize, first: usize) -> &[f32] {
        let width = panel_rows();
        let (panel, lane) = ((first - self.rows.start) / width, (first - self.rows.start) % width);
        let begin = self.rows.start + panel * width;
        let rows = (self.stored - begin).min(width);
        let tile = column / TILE * TILE;
        let start = (panel * self.block + tile) * width + (column - tile) * rows;
        &self.sums[start + lane..start + rows.min(self.rows.end - begin)]
    }
}

/// All sums of a product, handed to `store` block by block: disjoint blocks of columns and groups of rows, by several threads.
pub(super) fn multiply(panels: &Panels<'_>, weights: Weights<'_>, columns: usize, store: impl Fn(&Sums<'_>) + Sync) {
    let group_rows = GROUP.next_multiple_of(panel_rows());
    let threads = rayon::current_num_threads();
    // Narrow products are cut finer, so that every thread has some.
    let block = BLOCK.min(columns.div_ceil(2 * threads).next_multiple_of(TILE));
    let (blocks, groups) = (columns.div_ceil(block), panels.rows.div_ceil(group_rows));
    (0..blocks * groups).into_par_iter().for_each(|task| {
        let (first, group) = (task / groups * block, task % groups);
        let task = Task {
            panels,
            weights,
            all_columns: columns,
            rows: group * group_rows..panels.rows.min((group + 1) * group_rows),
            columns: first..columns.min(first + block),
        };
        task.run(&store);
    });
}

/// One block of columns of one group of rows.
struct Task<'a> {
    panels: &'a Panels<'a>,
    weights: Weights<'a>,
    all_columns: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

thread_local! {
    static SUMS: RefCell<Scratch> = const { RefCell::new(Scratch { memory: Vec::new() }) };
    static WEIGHTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Task<'_> {
    fn run(&self, store: &impl Fn(&Sums<'_>)) {
        let width = panel_rows();
        let block = self.columns.len().next_multiple_of(TILE);
        let count = self.rows.len().div_ceil(width);
        SUMS.with_borrow_mut(|sums| {
            let sums = sums.floats(count * block * width);
            self.multiply(sums, block, count);
            let stored = self.panels.rows.next_multiple_of(lanes());
            store(&Sums { sums, rows: self.rows.clone(), columns: self.columns.clone(), block, stored });
        });
    }

    /// Sums `[panel][column][row of the panel]`.
    fn multiply(&self, sums: &mut [f32], block: usize, panels: usize) {
        let (inner, width, lanes) = (self.panels.inner, panel_rows(), lanes());
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
                        let vectors = (self.panels.rows - first).div_ceil(lanes).min(width / lanes);
                        let rows = vectors * lanes;
                        let panel_data = &self.panels.packed[first * inner + start * rows..][..length * rows];
                        let sums = &mut sums[(panel * block + tile) * width..][..TILE * rows];
                        arch.dispatch(Tile { panel: panel_data, vectors, weights, sums, accumulate: start > 0 });
                    }
                });
            }
        }
    }

    /// The weights of a tile: where they lie, if those of a column lie side by side, else copied. Past the last column, that column again.
    fn weights<'w>(&'w self, tile: usize, start: usize, length: usize, copied: &'w mut Vec<f32>) -> [&'w [f32]; TILE] {
        let last = self.all_columns - 1;
        let column = |index: usize| (self.columns.start + tile + index).min(last);
        let Weights { data, inner_stride, column_stride } = self.weights;
        if inner_stride == 1 {
            return std::array::from_fn(|index| &data[column(index) * column_stride + start..][..length]);
        }
        copied.resize(TILE * INNER, 0.0);
        for k in 0..length {
            let row = &data[(start + k) * inner_stride..];
            (0..TILE).for_each(|index| copied[index * INNER + k] = row[column(index) * column_stride]);
        }
        let copied = &*copied;
        std::array::from_fn(|index| &copied[index * INNER..][..length])
    }
}

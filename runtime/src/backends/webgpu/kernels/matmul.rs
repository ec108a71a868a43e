//! Matrix products: registers hold a block of the output, and (on hardware) workgroup memory holds the tiles that feed it.
//!
//! One text generator serves both. On a software adapter workgroup memory costs as much as any other and barriers cost more,
//! so each invocation reads its rows and columns from the bindings themselves.

use super::matmul_text::Text;
use crate::backends::webgpu::dispatch::Dispatch;
use crate::backends::webgpu::lower::{Options, unsupported};
use crate::backends::webgpu::shader::{Shader, Tensor, fold};
use crate::error::Result;

/// `output[n, r, first_column + c] = epilogue(Σᵢ a[n, r, i] · b[n, i, c])`
pub(in crate::backends::webgpu) struct Matmul<'a> {
    pub(in crate::backends::webgpu) a: &'a Tensor,
    pub(in crate::backends::webgpu) b: &'a Tensor,
    pub(in crate::backends::webgpu) output: &'a Tensor,
    pub(in crate::backends::webgpu) rows: usize,
    pub(in crate::backends::webgpu) inner: usize,
    /// Columns of `b`: all of the output's, or those of one chunk of a split weight.
    pub(in crate::backends::webgpu) columns: usize,
    pub(in crate::backends::webgpu) output_columns: usize,
    pub(in crate::backends::webgpu) first_column: usize,
    /// `b` is `[columns, inner]`.
    pub(in crate::backends::webgpu) transposed: bool,
    /// Broadcast batches: sizes, and the strides of `a` and `b` in elements.
    pub(in crate::backends::webgpu) batch: Vec<usize>,
    pub(in crate::backends::webgpu) a_strides: Vec<usize>,
    pub(in crate::backends::webgpu) b_strides: Vec<usize>,
    /// One number a column; or, where the batches are groups of this many, one a row of each group.
    pub(in crate::backends::webgpu) bias: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) bias_groups: Option<usize>,
    pub(in crate::backends::webgpu) residual: Option<&'a Tensor>,
    /// Text of `fn activate(x: FLOAT) -> FLOAT` by the width of its argument.
    pub(in crate::backends::webgpu) activation: Option<&'a dyn Fn(usize) -> String>,
    /// One side that is computed from its tensor, which is then `image(i)`: text of `fn contents(batch: u32, k: u32, at: u32) -> f32`,
    /// where `k` counts along `inner`, `at` along rows or columns, and the side's batch strides number the batches.
    pub(in crate::backends::webgpu) contents: Option<(Side, &'a str)>,
}

/// The left or the right side of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backends::webgpu) enum Side {
    A,
    B,
}

impl Matmul<'_> {
    pub(super) fn computes(&self, side: Side) -> bool {
        self.contents.is_some_and(|(computed, _)| computed == side)
    }

    fn by_four(&self, side: Side) -> bool {
        let tensor = if side == Side::A { self.a } else { self.b };
        !self.computes(side) && tensor.allows_four()
    }
}

/// What one invocation and one workgroup compute.
pub(super) struct Blocking {
    /// Rows and columns of an invocation; columns in whole fours.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Invocations of a workgroup along columns and rows.
    pub(super) x: usize,
    pub(super) y: usize,
    /// Elements of `inner` in workgroup memory; 0 reads the bindings.
    pub(super) tile: usize,
    /// Sums are stored in a loop: compilers of software adapters take seconds for what is written out, and an array costs them nothing.
    pub(super) looped: bool,
}

impl Blocking {
    fn of(matmul: &Matmul<'_>, options: &Options) -> Self {
        let columns = if matmul.columns > 4 { 8 } else { 4 };
        // What a larger block saves in loads it costs when the driver compiles it: only where there is much to compute.
        let large = matmul.rows >= 32 && matmul.rows * matmul.inner * matmul.columns >= 1 << 25;
        let rows = matmul.rows.clamp(1, if large { 16 } else { 8 });
        if options.software {
            return Self { rows, columns, x: 8, y: 1, tile: 0, looped: true };
        }
        let rows = rows.min(8);
        if matmul.rows < 8 {
            return Self { rows, columns: 4, x: 64, y: 1, tile: 0, looped: false };
        }
        Self { rows: 4, columns: 4, x: 16, y: 16, tile: 16, looped: false }
    }
}

/// One dispatch of a matrix product.
pub(in crate::backends::webgpu) fn matmul(matmul: &Matmul<'_>, options: &Options, label: &str) -> Result<Dispatch> {
    let block = Blocking::of(matmul, options);
    // Four elements of `inner` at a time where every row starts at a whole four; four columns of output likewise.
    let step =
        if matmul.inner.is_multiple_of(4) && matmul.by_four(Side::A) && (!matmul.transposed || matmul.by_four(Side::B)) { 4 } else { 1 };
    let outputs = [Some(matmul.output), matmul.bias.filter(|_| matmul.bias_groups.is_none()), matmul.residual];
    let fours = [matmul.columns, matmul.output_columns, matmul.first_column].iter().all(|count| count.is_multiple_of(4))
        && outputs.iter().flatten().all(|tensor| tensor.allows_four())
        && (matmul.transposed || matmul.by_four(Side::B));
    let wide = if fours { 4 } else { 1 };
    let mut shader = Shader::new(options, label);
    shader.turns(matmul.inner.div_ceil(step));
    let sides = [("a", Side::A, matmul.a, step), ("b", Side::B, matmul.b, if matmul.transposed { step } else { wide })];
    for (name, side, tensor, width) in sides {
        if matmul.computes(side) { shader.read("image", tensor, 1) } else { shader.read(name, tensor, width) }
    }
    if let Some(bias) = matmul.bias {
        shader.read("bias", bias, if matmul.bias_groups.is_some() { 1 } else { wide });
    }
    if let Some(residual) = matmul.residual {
        shader.read("residual", residual, wide);
    }
    shader.write("product", matmul.output, wide);

    let (tile_rows, tile_columns) = (block.rows * block.y, block.columns * block.x);
    let (across, down) = (matmul.columns.div_ceil(tile_columns), matmul.rows.div_ceil(tile_rows));
    let groups = across * down * matmul.batch.iter().product::<usize>();
    let (workgroups, width) = fold(groups, options.max_workgroups);
    if groups > u32::MAX as usize {
        return Err(unsupported(label, format!("{groups} workgroups")));
    }
    let text = Text { matmul, block: &block, step, wide, across, down, groups, width }.write();
    shader.finish(&text, workgroups)
}

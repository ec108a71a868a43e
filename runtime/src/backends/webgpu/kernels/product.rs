//! An operator that is a matrix product, or batches of it: [`Matmul`] without what only fused steps have.

use super::super::emitter::Emitter;
use super::super::shader::Tensor;
use super::matmul::{Matmul, Side, matmul};
use crate::error::Result;

/// `output = a · b + bias`, `a` as `[rows, inner]`; one side may be read out of an image.
pub(crate) struct Product<'a> {
    pub(crate) a: &'a Tensor,
    pub(crate) b: &'a Tensor,
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
    /// `b` is `[columns, inner]`, else `[inner, columns]`.
    pub(crate) transposed: bool,
    /// Sizes of the batches, and the stride of each in both sides.
    pub(crate) batch: Vec<usize>,
    pub(crate) a_strides: Vec<usize>,
    pub(crate) b_strides: Vec<usize>,
    pub(crate) bias: Option<&'a Tensor>,
    /// Channels are the rows of so many groups, else the columns.
    pub(crate) bias_groups: Option<usize>,
    /// `fn contents(batch: u32, k: u32, at: u32) -> f32` in place of the rows of `a` or the columns of `b`.
    pub(crate) contents_of_a: Option<&'a str>,
    pub(crate) contents_of_b: Option<&'a str>,
}

impl Product<'_> {
    /// Adds its dispatches.
    pub(crate) fn emit(self, emitter: &mut Emitter<'_>) -> Result<()> {
        let (output, written) = (emitter.output.clone(), emitter.written(&emitter.output));
        let of_b = self.contents_of_b.map(|text| (Side::B, text));
        let product = Matmul {
            a: self.a,
            b: self.b,
            output: &written,
            rows: self.rows,
            inner: self.inner,
            columns: self.columns,
            output_columns: self.columns,
            first_column: 0,
            transposed: self.transposed,
            batch: self.batch,
            a_strides: self.a_strides,
            b_strides: self.b_strides,
            bias: self.bias,
            bias_groups: self.bias_groups,
            residual: None,
            activation: None,
            contents: self.contents_of_a.map(|text| (Side::A, text)).or(of_b),
        };
        emitter.push(matmul(&product, emitter.options, emitter.label)?);
        emitter.narrow(&written, &output)
    }
}

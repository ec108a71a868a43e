//! Strided matrix products by the crate `gemm`, on one thread: what attention and batched products are made of.
//!
//! `unsafe` because the crate takes pointers and strides; they are checked here against the slices.
#![allow(unsafe_code)]

/// A matrix inside a slice: element `(r, c)` lies at `r · row_stride + c · column_stride`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl Matrix<'_> {
    fn check(&self, rows: usize, columns: usize) {
        if rows * columns > 0 {
            let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
            assert!(last < self.data.len(), "element {last} of a matrix of {}", self.data.len());
        }
    }
}

/// `output = factor · left · right`; the output's rows lie `row_stride` apart.
pub(super) fn multiply(
    [rows, inner, columns]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    factor: f32,
    output: &mut [f32],
    row_stride: usize,
) {
    left.check(rows, inner);
    right.check(inner, columns);
    Matrix { data: output, row_stride, column_stride: 1 }.check(rows, columns);
    assert!(columns <= row_stride || rows <= 1, "rows of the output overlap");
    // SAFETY: every element that these sizes and strides name lies inside its slice, as just checked; `output` is borrowed
    // uniquely, so it aliases neither operand, and its rows do not overlap.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            row_stride as isize,
            false,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            0.0,
            factor,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

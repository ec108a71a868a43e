//! One row times a matrix, where the matrix lies: what reading it costs is the cost.

use pulp::{Arch, Simd, WithSimd};

/// Rows of the matrix taken at once: as many loads are under way.
const ROWS: usize = 4;

/// `output[i] = factor · Σₖ row[k] · matrix[i · stride + k]`
pub(super) fn dots(row: &[f32], matrix: &[f32], stride: usize, factor: f32, output: &mut [f32]) {
    Arch::new().dispatch(Dots { row, matrix, stride, factor, output });
}

/// `output[i] = Σₖ row[k] · matrix[k · stride + i]`
pub(super) fn sum_of_rows(row: &[f32], matrix: &[f32], stride: usize, output: &mut [f32]) {
    output.fill(0.0);
    Arch::new().dispatch(SumOfRows { row, matrix, stride, output });
}

struct Dots<'a> {
    row: &'a [f32],
    matrix: &'a [f32],
    stride: usize,
    factor: f32,
    output: &'a mut [f32],
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let length = self.row.len();
        let line = |index: usize| &self.matrix[index * self.stride..][..length];
        let (whole, rest) = S::as_simd_f32s(self.row);
        let (tiles, last) = self.output.as_chunks_mut::<ROWS>();
        for (tile, output) in tiles.iter_mut().enumerate() {
            let lines: [&[f32]; ROWS] = std::array::from_fn(|index| line(tile * ROWS + index));
            let vectors = lines.map(|line| &S::as_simd_f32s(line).0[..whole.len()]);
            // Two sums each, so that an addition need not wait for the one before it.
            let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
            let mut k = 0;
            while k + 1 < whole.len() {
                for index in 0..ROWS {
                    sums[index][0] = simd.mul_add_e_f32s(whole[k], vectors[index][k], sums[index][0]);
                    sums[index][1] = simd.mul_add_e_f32s(whole[k + 1], vectors[index][k + 1], sums[index][1]);
                }
                k += 2;
            }
            for index in 0..ROWS {
                if k < whole.len() {
                    sums[index][0] = simd.mul_add_e_f32s(whole[k], vectors[index][k], sums[index][0]);
                }
                let sum = simd.reduce_sum_f32s(simd.add_f32s(sums[index][0], sums[index][1]));
                output[index] = self.factor * (sum + scalar(rest, &lines[index][length - rest.len()..]));
            }
        }
        let first = tiles.len() * ROWS;
        for (index, output) in last.iter_mut().enumerate() {
            let line = line(first + index);
            let mut sum = simd.splat_f32s(0.0);
            for (a, b) in whole.iter().zip(S::as_simd_f32s(line).0) {
                sum = simd.mul_add_e_f32s(*a, *b, sum);
            }
            *output = self.factor * (simd.reduce_sum_f32s(sum) + scalar(rest, &line[length - rest.len()..]));
        }
    }
}

#[inline(always)]
fn scalar(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

struct SumOfRows<'a> {
    row: &'a [f32],
    matrix: &'a [f32],
    stride: usize,
    output: &'a mut [f32],
}

impl WithSimd for SumOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let columns = self.output.len();
        let (output, output_rest) = S::as_mut_simd_f32s(self.output);
        let whole = output.len();
        let line = |k: usize| {
            let (vectors, rest) = S::as_simd_f32s(&self.matrix[k * self.stride..][..columns]);
            (&vectors[..whole], rest)
        };
        let (fours, last) = self.row.as_chunks::<ROWS>();
        for (four, factors) in fours.iter().enumerate() {
            let lines: [(&[S::f32s], &[f32]); ROWS] = std::array::from_fn(|index| line(four * ROWS + index));
            let splat = factors.map(|factor| simd.splat_f32s(factor));
            for (column, output) in output.iter_mut().enumerate() {
                for index in 0..ROWS {
                    *output = simd.mul_add_e_f32s(splat[index], lines[index].0[column], *output);
                }
            }
            for (factor, (_, rest)) in factors.iter().zip(lines) {
                output_rest.iter_mut().zip(rest).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        for (index, factor) in last.iter().enumerate() {
            let (vectors, rest) = line(fours.len() * ROWS + index);
            let splat = simd.splat_f32s(*factor);
            for (sum, value) in output.iter_mut().zip(vectors) {
                *sum = simd.mul_add_e_f32s(splat, *value, *sum);
            }
            output_rest.iter_mut().zip(rest).for_each(|(sum, value)| *sum += factor * value);
        }
    }
}

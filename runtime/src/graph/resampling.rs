//! Resampling of grids as a matrix: what a model does to a table of positions is then a product like any other.

use crate::error::GraphError;

/// Elements of the matrix: a grid of 256 × 256 from one of 16 × 16.
const MAX_ELEMENTS: usize = 1 << 24;
/// PyTorch's.
const CURVATURE: f64 = -0.75;

/// `[to rows · to columns, from rows · from columns]`, in the order of the rows.
///
/// **Errors** [`GraphError::Rule`] where a size is not a pair of rows and columns, or the matrix is too large.
pub(super) fn bicubic(from: &[usize], to: &[usize]) -> Result<Vec<f32>, GraphError> {
    let refuse = |reason: String| GraphError::Rule { label: "bicubic".into(), reason };
    let (&[from_rows, from_columns], &[to_rows, to_columns]) = (from, to) else {
        return Err(refuse(format!("a grid has rows and columns, found {from:?} and {to:?}")));
    };
    let elements = [from_rows, from_columns, to_rows, to_columns].iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    if !elements.is_some_and(|elements| (1..=MAX_ELEMENTS).contains(&elements)) {
        return Err(refuse(format!("from {from:?} to {to:?}: between 1 and {MAX_ELEMENTS} elements of a matrix")));
    }
    let (rows, columns) = (axis(from_rows, to_rows), axis(from_columns, to_columns));
    let mut matrix = Vec::with_capacity(elements.unwrap_or(0));
    for row in rows.chunks_exact(from_rows) {
        for column in columns.chunks_exact(from_columns) {
            matrix.extend(row.iter().flat_map(|down| column.iter().map(move |across| (down * across) as f32)));
        }
    }
    Ok(matrix)
}

/// `[to, from]` along one axis: four neighbours each, those beyond the edge counted to the edge.
fn axis(from: usize, to: usize) -> Vec<f64> {
    let mut weights = vec![0.0; to * from];
    for (index, row) in weights.chunks_exact_mut(from).enumerate() {
        let center = (index as f64 + 0.5) * (from as f64 / to as f64) - 0.5;
        let first = center.floor();
        for neighbour in -1..=2 {
            let place = (first as i64 + neighbour).clamp(0, from as i64 - 1);
            row[place as usize] += cubic((center - first - neighbour as f64).abs());
        }
    }
    weights
}

/// Keys' kernel.
fn cubic(x: f64) -> f64 {
    let a = CURVATURE;
    if x <= 1.0 { ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0 } else { ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.nn.functional.interpolate(torch.tensor([[[[1., 2., 4.], [8., 16., 32.]]]]), size=(3, 2), mode="bicubic")`, torch 2.15.
    const EXPECTED: [f32; 6] = [0.453_667_46, 1.405_449_7, 5.203_125, 16.119_14, 9.952_581, 30.832_83];

    #[test]
    fn a_grid_is_resampled_as_pytorch_does() {
        let grid = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let matrix = bicubic(&[2, 3], &[3, 2]).unwrap();
        for (row, expected) in matrix.chunks_exact(6).zip(EXPECTED) {
            let found: f32 = row.iter().zip(grid).map(|(weight, value)| weight * value).sum();
            assert!((found - expected).abs() < 1e-5, "expected {expected}, found {found}");
        }
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let matrix = bicubic(&[3, 2], &[3, 2]).unwrap();
        for (index, weight) in matrix.iter().enumerate() {
            assert_eq!(*weight, if index % 7 == 0 { 1.0 } else { 0.0 });
        }
    }

    #[test]
    fn sizes_are_checked() {
        for (from, to) in [(&[2, 2][..], &[0, 2][..]), (&[2], &[2]), (&[1 << 20, 1 << 20], &[1 << 20, 1 << 20])] {
            assert!(bicubic(from, to).is_err(), "{from:?} {to:?}");
        }
    }
}

//! Products: tiles, edges, batches, epilogues.

use super::*;

/// `a · b` of one matrix each, in float64.
fn product(a: &[f32], b: &[f32], [rows, inner, columns]: [usize; 3]) -> Vec<f32> {
    let element = |r: usize, c: usize| (0..inner).map(|i| f64::from(a[r * inner + i]) * f64::from(b[i * columns + c])).sum::<f64>() as f32;
    (0..rows * columns).map(|i| element(i / columns, i % columns)).collect()
}

fn linear(rows: usize, inner: usize, columns: usize, transposed: bool, epilogue: bool) {
    let mut case = Case::default();
    let (a, bias, residual) = (floats(&[rows, inner], 1), floats(&[columns], 3), floats(&[rows, columns], 4));
    let stored = floats(&if transposed { [columns, inner] } else { [inner, columns] }, 2);
    let (x, w) = (case.input(&a), case.weight(&stored));
    let w = if transposed { case.builder.transpose(&w, Default::default()).unwrap() } else { w };
    let mut output = case.builder.matmul(&x, &w).unwrap();
    let mut matrix = stored.as_slice::<f32>().unwrap().to_vec();
    if transposed {
        matrix = (0..inner * columns).map(|i| stored.as_slice::<f32>().unwrap()[i % columns * inner + i / columns]).collect();
    }
    let mut expected = product(a.as_slice().unwrap(), &matrix, [rows, inner, columns]);
    if epilogue {
        let (b, r) = (case.weight(&bias), case.input(&residual));
        output = case.builder.add(&output, &b).unwrap();
        output = case.builder.relu(&output).unwrap();
        output = case.builder.add(&output, &r).unwrap();
        let (bias, residual) = (bias.as_slice::<f32>().unwrap(), residual.as_slice::<f32>().unwrap());
        expected.iter_mut().enumerate().for_each(|(i, x)| *x = (*x + bias[i % columns]).max(0.0) + residual[i]);
    }
    let built = case.finish(&output);
    let plan = lower(&built.program(), &Options::default()).unwrap();
    assert_eq!(plan.dispatches.len(), 1, "bias, activation and residual belong to the product");
    built.expect(&Tensor::from_slice(&[rows, columns], &expected).unwrap(), 1e-4);
}

#[test]
fn sizes_that_divide_and_sizes_that_do_not() {
    for (rows, inner, columns) in [(1, 1, 1), (3, 5, 7), (65, 36, 68), (5, 4, 12), (70, 20, 9), (17, 18, 130)] {
        linear(rows, inner, columns, false, true);
        linear(rows, inner, columns, true, true);
    }
    linear(64, 64, 64, true, false);
    linear(9, 7, 5, false, false);
}

#[test]
fn batches_broadcast() {
    for (a_shape, b_shape) in [
        (vec![2, 3, 9, 5], vec![2, 3, 5, 6]),
        (vec![3, 9, 4], vec![2, 1, 4, 8]),
        (vec![2, 1, 16, 8], vec![3, 8, 12]),
        (vec![1, 4], vec![5, 4, 3]),
    ] {
        let mut case = Case::default();
        let (a, b) = (floats(&a_shape, 5), floats(&b_shape, 6));
        let (x, y) = (case.input(&a), case.input(&b));
        let output = case.builder.matmul(&x, &y).unwrap();
        let shape = output.shape().to_vec();
        let (rows, inner, columns) = (a_shape[a_shape.len() - 2], a_shape[a_shape.len() - 1], b_shape[b_shape.len() - 1]);
        let batches: usize = shape[..shape.len() - 2].iter().product();
        let start = |from: &[usize], batch: usize, size: usize| {
            let (mut rest, mut stride, mut at) = (batch, size, 0);
            for axis in (0..shape.len() - 2).rev() {
                let own = (axis + from.len()).checked_sub(shape.len()).map_or(1, |axis| from[axis]);
                at += if own == 1 { 0 } else { rest % shape[axis] * stride };
                rest /= shape[axis];
                stride *= own;
            }
            at
        };
        let mut expected = Vec::new();
        for batch in 0..batches {
            let (a_at, b_at) = (start(&a_shape, batch, rows * inner), start(&b_shape, batch, inner * columns));
            expected.extend(product(&a.as_slice().unwrap()[a_at..], &b.as_slice().unwrap()[b_at..], [rows, inner, columns]));
        }
        case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 1e-4);
    }
}

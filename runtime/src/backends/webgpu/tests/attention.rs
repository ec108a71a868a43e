//! Fused attention against the formula, head sizes and lengths odd and even, masked rows among them.

use super::*;
use crate::graph::Operand;
use crate::ops::transpose::TransposeOptions;
use crate::optimize::Kernel;

struct Sizes {
    batch: usize,
    heads: usize,
    rows: usize,
    keys: usize,
    head: usize,
    value: usize,
}

/// Softmax(query · keyᵀ · scale + mask) · value, heads inside the last axis, in float64.
fn formula(sizes: &Sizes, query: &[f32], key: &[f32], value: &[f32], mask: Option<&[f32]>, scale: f64) -> Vec<f32> {
    let Sizes { batch, heads, rows, keys, head, value: width } = *sizes;
    let mut output = Vec::new();
    for (b, r, h) in (0..batch * rows * heads).map(|i| (i / heads / rows, i / heads % rows, i % heads)) {
        let scores: Vec<f32> = (0..keys)
            .map(|k| {
                let at =
                    |tensor: &[f32], length: usize, row: usize, d: usize| f64::from(tensor[((b * length + row) * heads + h) * head + d]);
                let product: f64 = (0..head).map(|d| at(query, rows, r, d) * at(key, keys, k, d)).sum();
                (product * scale) as f32 + mask.map_or(0.0, |mask| mask[b * keys + k])
            })
            .collect();
        let top = scores.iter().copied().fold(f32::MIN, f32::max);
        let weights: Vec<f64> = scores.iter().map(|score| f64::from(score - top).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let element =
            |d: usize| (0..keys).map(|k| weights[k] * f64::from(value[((b * keys + k) * heads + h) * width + d])).sum::<f64>() / sum;
        output.extend((0..width).map(|d| element(d) as f32));
    }
    output
}

fn check(sizes: &Sizes, masked: bool) {
    let Sizes { batch, heads, rows, keys, head, value } = *sizes;
    let mut case = Case::default();
    let tensors =
        [floats(&[batch, rows, heads * head], 1), floats(&[batch, keys, heads * head], 2), floats(&[batch, keys, heads * value], 3)];
    let [q, k, v] = tensors.each_ref().map(|tensor| case.input(tensor));
    let mut mask = floats(&[batch, 1, 1, keys], 4);
    mask.as_mut_slice::<f32>().unwrap().iter_mut().enumerate().for_each(|(i, x)| *x = if i % 3 == 1 { f32::MIN } else { 0.0 });
    // The last sequence attends to nothing: uniform over all keys.
    mask.as_mut_slice::<f32>().unwrap()[(batch - 1) * keys..].fill(f32::MIN);
    let transposed = |case: &Case, operand: &Operand, permutation: [usize; 4]| {
        case.builder.transpose(operand, TransposeOptions { permutation: Some(permutation.to_vec()) }).unwrap()
    };
    let by_head = |case: &Case, operand: &Operand, length: usize, size: usize, permutation| {
        transposed(case, &case.builder.reshape(operand, &[batch, length, heads, size]).unwrap(), permutation)
    };
    let (query, key) = (by_head(&case, &q, rows, head, [0, 2, 1, 3]), by_head(&case, &k, keys, head, [0, 2, 3, 1]));
    let values = by_head(&case, &v, keys, value, [0, 2, 1, 3]);
    let scale = 1.0 / (head as f64).sqrt();
    let scores = case.builder.matmul(&query, &key).unwrap();
    let mut scores = case.builder.mul(&scores, &case.builder.scalar(DataType::Float32, scale).unwrap()).unwrap();
    if masked {
        let mask = case.input(&mask);
        scores = case.builder.add(&scores, &mask).unwrap();
    }
    let probabilities = case.builder.softmax(&scores, 3).unwrap();
    let context = case.builder.matmul(&probabilities, &values).unwrap();
    let output = case.builder.reshape(&transposed(&case, &context, [0, 2, 1, 3]), &[batch, rows, heads * value]).unwrap();
    let [q, k, v] = tensors.each_ref().map(|tensor| tensor.as_slice::<f32>().unwrap());
    let expected = formula(sizes, q, k, v, masked.then(|| mask.as_slice::<f32>().unwrap()), scale);
    let built = case.finish(&output);
    let fused = built.program().steps.iter().filter(|step| matches!(step.kernel, Kernel::Attention(_))).count();
    assert_eq!(fused, 1, "{}", built.program());
    built.expect(&Tensor::from_slice(&[batch, rows, heads * value], &expected).unwrap(), 1e-5);
}

#[test]
fn sizes_and_masks() {
    for (batch, heads, rows, keys, head, value) in [
        (2, 2, 5, 5, 8, 8),
        (2, 3, 17, 17, 64, 64),
        (1, 1, 1, 1, 1, 1),
        (2, 2, 7, 9, 5, 3),
        (1, 2, 70, 33, 12, 20),
        (2, 2, 1, 40, 32, 32),
        (1, 1, 9, 6, 130, 136),
        (1, 2, 9, 5, 160, 160),
        (1, 1, 9, 7, 37, 41),
    ] {
        for masked in [false, true] {
            check(&Sizes { batch, heads, rows, keys, head, value }, masked);
        }
    }
}

#[test]
fn scores_beyond_the_range_of_exp() {
    let sizes = Sizes { batch: 1, heads: 1, rows: 3, keys: 6, head: 4, value: 4 };
    let mut case = Case::default();
    let large = |seed| {
        let mut tensor = floats(&[1, 6, 4], seed);
        tensor.as_mut_slice::<f32>().unwrap().iter_mut().for_each(|x| *x *= 1e4);
        tensor
    };
    let (query, key, value) = (floats(&[1, 3, 4], 1), large(2), floats(&[1, 6, 4], 3));
    let [q, k, v] = [&query, &key, &value].map(|tensor| case.input(tensor));
    let split = |operand: &Operand, rows: usize| {
        let by_head = case.builder.reshape(operand, &[1, rows, 1, 4]).unwrap();
        case.builder.transpose(&by_head, TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) }).unwrap()
    };
    let key_columns = case.builder.transpose(&split(&k, 6), TransposeOptions { permutation: Some(vec![0, 1, 3, 2]) }).unwrap();
    let scores = case.builder.matmul(&split(&q, 3), &key_columns).unwrap();
    let context = case.builder.matmul(&case.builder.softmax(&scores, 3).unwrap(), &split(&v, 6)).unwrap();
    let output = case.builder.transpose(&context, TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) }).unwrap();
    let expected = formula(&sizes, query.as_slice().unwrap(), key.as_slice().unwrap(), value.as_slice().unwrap(), None, 1.0);
    case.finish(&output).expect(&Tensor::from_slice(&[1, 3, 1, 4], &expected).unwrap(), 1e-5);
}

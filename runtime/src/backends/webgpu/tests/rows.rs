//! Layer normalisation, softmax, reductions.

use super::*;
use crate::ops::layer_normalization::LayerNormalizationOptions;
use crate::ops::reduce::*;

#[test]
fn layer_normalization_of_any_width() {
    for (rows, columns) in [(1, 1), (3, 7), (9, 64), (70, 768), (2, 130)] {
        let mut case = Case::default();
        let tensors = [floats(&[rows, columns], 1), floats(&[columns], 2), floats(&[columns], 3)];
        let (input, scale, bias) = (case.input(&tensors[0]), case.weight(&tensors[1]), case.weight(&tensors[2]));
        let options = LayerNormalizationOptions { scale: Some(scale), bias: Some(bias), epsilon: 1e-12, ..Default::default() };
        let output = case.builder.layer_normalization(&input, options).unwrap();
        let [x, scale, bias] = tensors.each_ref().map(|tensor| tensor.as_slice::<f32>().unwrap());
        let mut expected = Vec::new();
        for row in x.chunks(columns) {
            let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / columns as f64;
            let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / columns as f64;
            let normal = |(i, x): (usize, &f32)| {
                ((f64::from(*x) - mean) / (variance + 1e-12).sqrt() * f64::from(scale[i]) + f64::from(bias[i])) as f32
            };
            expected.extend(row.iter().enumerate().map(normal));
        }
        // One column has no variance: what is left of rounding is divided by almost nothing.
        let tolerance = if columns == 1 { 0.0 } else { 1e-5 };
        case.finish(&output).expect(&Tensor::from_slice(&[rows, columns], &expected).unwrap(), tolerance);
    }
}

#[test]
fn layer_normalization_of_several_axes() {
    let tensors = [floats(&[3, 2, 5], 1), floats(&[2, 5], 2)];
    let build = |axes: Vec<usize>, scaled: bool| {
        let mut case = Case::default();
        let input = case.input(&tensors[0]);
        let scale = scaled.then(|| case.weight(&tensors[1]));
        let output = case.builder.layer_normalization(&input, LayerNormalizationOptions { scale, axes: Some(axes), ..Default::default() });
        case.finish(&output.unwrap())
    };
    let [x, scale] = tensors.each_ref().map(|tensor| tensor.as_slice::<f32>().unwrap());
    let mut expected = Vec::new();
    for row in x.chunks(10) {
        let mean = row.iter().sum::<f32>() / 10.0;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 10.0;
        expected.extend(row.iter().zip(scale).map(|(x, scale)| (x - mean) / (variance + 1e-5).sqrt() * scale));
    }
    build(vec![1, 2], true).expect(&Tensor::from_slice(&[3, 2, 5], &expected).unwrap(), 1e-5);
    // The first axis alone: rows that do not lie together.
    let mut columns = vec![0f32; 30];
    for column in 0..10 {
        let values = [x[column], x[10 + column], x[20 + column]];
        let mean = values.iter().sum::<f32>() / 3.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 3.0;
        (0..3).for_each(|row| columns[row * 10 + column] = (values[row] - mean) / (variance + 1e-5).sqrt());
    }
    build(vec![0], false).expect(&Tensor::from_slice(&[3, 2, 5], &columns).unwrap(), 1e-5);
}

#[test]
fn softmax_over_any_axis_with_masked_scores() {
    for (shape, axis) in [(vec![3, 5], 1), (vec![4, 6, 5], 1), (vec![7, 3], 0), (vec![1, 1], 1), (vec![2, 130], 1), (vec![130], 0)] {
        let mut case = Case::default();
        let mut input = floats(&shape, 1);
        // Masked as attention masks: some of a row, and a whole row.
        input.as_mut_slice::<f32>().unwrap().iter_mut().step_by(3).for_each(|x| *x += f32::MIN);
        let size = shape[axis];
        let inner: usize = shape[axis + 1..].iter().product();
        let at = |row: usize, i: usize| row / inner * size * inner + row % inner + i * inner;
        (0..size).for_each(|i| input.as_mut_slice::<f32>().unwrap()[at(0, i)] = f32::MIN);
        let x = case.input(&input);
        let output = case.builder.softmax(&x, axis).unwrap();
        let x = input.as_slice::<f32>().unwrap();
        let mut expected = vec![0f32; x.len()];
        for row in 0..x.len() / size {
            let top = (0..size).map(|i| x[at(row, i)]).fold(f32::MIN, f32::max);
            let sum: f64 = (0..size).map(|i| f64::from(x[at(row, i)] - top).exp()).sum();
            (0..size).for_each(|i| expected[at(row, i)] = (f64::from(x[at(row, i)] - top).exp() / sum) as f32);
        }
        assert!((expected[0] - 1.0 / size as f32).abs() < 1e-6, "a row that is all masked is uniform");
        case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 2e-6);
    }
}

#[test]
fn reductions_over_any_axes() {
    // Few terms, moderate sums of many, and more than an invocation's loop may turn on a software adapter.
    let short = [vec![0], vec![1], vec![2], vec![0, 2], vec![1, 2], vec![0, 1, 2], vec![]].map(|axes| ([3, 4, 5], axes));
    let long = [([1, 3, 70_000], vec![2]), ([1, 70_000, 3], vec![1]), ([7, 2, 50], vec![0, 2]), ([20, 1, 1000], vec![0, 1, 2])];
    for (shape, axes) in short.into_iter().chain(long) {
        let many = shape.iter().product::<usize>() > 60;
        // A product of many stays near 1 where they do.
        let value = |x: f32| if many { 1.0 + 1e-3 * x } else { x.abs() + 0.25 };
        let input = floats(&shape, 9);
        let kept: Vec<usize> = (0..3).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
        let mut groups: Vec<Vec<f64>> = vec![Vec::new(); kept.iter().product()];
        for (i, x) in input.as_slice::<f32>().unwrap().iter().enumerate() {
            let index = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]];
            let group = (0..3).filter(|axis| !axes.contains(axis)).fold(0, |group, axis| group * shape[axis] + index[axis]);
            groups[group].push(f64::from(value(*x)));
        }
        macro_rules! check {
            ($method:ident $options:ident $formula:expr) => {{
                let mut case = Case::default();
                let positive: Vec<f32> = input.as_slice::<f32>().unwrap().iter().map(|x| value(*x)).collect();
                let x = case.input(&Tensor::from_slice(&shape, &positive).unwrap());
                let output = case.builder.$method(&x, $options { axes: Some(axes.clone()), ..Default::default() }).unwrap();
                let formula: fn(&[f64]) -> f64 = $formula;
                let expected: Vec<f32> = groups.iter().map(|group| formula(group) as f32).collect();
                case.finish(&output).expect(&Tensor::from_slice(&kept, &expected).unwrap(), if many { 5e-5 } else { 1e-5 });
            }};
        }
        check!(reduce_sum ReduceSumOptions |x| x.iter().sum());
        check!(reduce_mean ReduceMeanOptions |x| x.iter().sum::<f64>() / x.len() as f64);
        check!(reduce_max ReduceMaxOptions |x| x.iter().copied().fold(f64::MIN, f64::max));
        check!(reduce_min ReduceMinOptions |x| x.iter().copied().fold(f64::MAX, f64::min));
        check!(reduce_product ReduceProductOptions |x| x.iter().product());
        check!(reduce_l1 ReduceL1Options |x| x.iter().sum());
        check!(reduce_l2 ReduceL2Options |x| x.iter().map(|x| x * x).sum::<f64>().sqrt());
        check!(reduce_sum_square ReduceSumSquareOptions |x| x.iter().map(|x| x * x).sum());
        check!(reduce_log_sum ReduceLogSumOptions |x| x.iter().sum::<f64>().ln());
        check!(reduce_log_sum_exp ReduceLogSumExpOptions |x| x.iter().map(|x| x.exp()).sum::<f64>().ln());
    }
}

#[test]
fn long_reductions_of_integers_and_halves() {
    let count = 70_000;
    let wide: Vec<i64> = (0..count).map(|i| i * 1_000_000_007 - 7).collect();
    let whole: Vec<i32> = wide.iter().map(|x| (x >> 20) as i32).collect();
    macro_rules! check {
        ($numbers:ident $type:ty: $($method:ident $options:ident $expected:expr),*) => {$({
            let mut case = Case::default();
            let x = case.input(&Tensor::from_slice(&[count as usize], &$numbers).unwrap());
            let output = case.builder.$method(&x, $options::default()).unwrap();
            let expected: $type = $expected;
            case.finish(&output).expect(&Tensor::from_slice(&[], &[expected]).unwrap(), 0.0);
        })*};
    }
    check!(wide i64: reduce_sum ReduceSumOptions wide.iter().copied().fold(0, i64::wrapping_add),
        reduce_l1 ReduceL1Options wide.iter().map(|x| x.abs()).sum(), reduce_max ReduceMaxOptions wide[count as usize - 1],
        reduce_product ReduceProductOptions wide.iter().copied().fold(1, i64::wrapping_mul));
    check!(whole i32: reduce_sum ReduceSumOptions whole.iter().copied().fold(0, i32::wrapping_add),
        reduce_min ReduceMinOptions whole.iter().copied().min().unwrap());
    let halves: Vec<half::f16> =
        (0..count).map(|i| half::f16::from_f32(if i == 60_000 { 3.0 } else { 0.001 * (i % 100) as f32 })).collect();
    let mut case = Case::default();
    let x = case.input(&Tensor::from_slice(&[count as usize], &halves).unwrap());
    let output = case.builder.reduce_max(&x, ReduceMaxOptions::default()).unwrap();
    case.finish(&output).expect(&Tensor::from_slice(&[], &[half::f16::from_f32(3.0)]).unwrap(), 0.0);
}

#[test]
fn long_rows_are_normalized() {
    let shape = [2, 70_000];
    let input = floats(&shape, 4);
    let rows: Vec<&[f32]> = input.as_slice::<f32>().unwrap().chunks(shape[1]).collect();
    let mut case = Case::default();
    let x = case.input(&input);
    let output = case.builder.softmax(&x, 1).unwrap();
    // Of numbers around 1: the tolerance is one of numbers, and probabilities of so many are small.
    let output = case.builder.mul(&output, &case.builder.scalar(DataType::Float32, shape[1] as f64).unwrap()).unwrap();
    let probabilities = rows.iter().flat_map(|row| {
        let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
        row.iter().map(move |x| (f64::from(*x).exp() / sum * shape[1] as f64) as f32)
    });
    let expected: Vec<f32> = probabilities.collect();
    case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 2e-5);
    let mut case = Case::default();
    let x = case.input(&input);
    let output = case.builder.layer_normalization(&x, LayerNormalizationOptions { axes: Some(vec![1]), ..Default::default() }).unwrap();
    let normal = rows.iter().flat_map(|row| {
        let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / row.len() as f64;
        row.iter().map(move |x| ((f64::from(*x) - mean) / (variance + 1e-5).sqrt()) as f32)
    });
    let expected: Vec<f32> = normal.collect();
    case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 2e-5);
}

#[test]
fn a_loop_that_a_software_adapter_would_cut_is_refused() {
    let builder = GraphBuilder::new();
    let input = builder.input("input", OperandDescriptor::new(DataType::Float32, [70_000]).unwrap()).unwrap();
    builder.output("output", &builder.arg_max(&input, 0, Default::default()).unwrap()).unwrap();
    let program = optimize(&builder.build().unwrap());
    let error = lower(&program, &Options { software: true, ..Options::default() }).unwrap_err().to_string();
    assert!(error.contains("70000 turns") && error.contains("arg_max"), "{error}");
    lower(&program, &Options::default()).unwrap();
}

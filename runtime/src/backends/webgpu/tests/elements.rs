//! Element-wise formulas, broadcasts, views, moves.

use super::*;
use crate::graph::Operand;
use crate::ops::gather::GatherOptions;

/// One function of one float32 tensor, against float64.
fn unary(name: &str, numbers: &[f32], tolerance: f32, formula: impl Fn(f64) -> f64) {
    for count in [numbers.len(), numbers.len() - 1] {
        let numbers = &numbers[..count];
        let mut case = Case::default();
        let x = case.input(&Tensor::from_slice(&[count], numbers).unwrap());
        let output = case.builder.call_by_name(name, vec![crate::graph::Argument::Operand(x)], vec![]).unwrap();
        let expected: Vec<f32> = numbers.iter().map(|x| formula(f64::from(*x)) as f32).collect();
        case.finish(&output[0]).expect(&Tensor::from_slice(&[count], &expected).unwrap(), tolerance);
    }
}

/// The series, good to 1e-9 in -4..4, beyond which the function is 1.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

#[test]
fn functions_are_exact_and_finite() {
    let wide: Vec<f32> = (-200..=199).map(|i| i as f32 * 0.04).chain([-1e30, -1000.0, -100.0, 100.0, 1000.0, 1e30, 3e38, -3e38]).collect();
    unary("erf", &wide, 1e-6, erf);
    unary("gelu", &wide[..400], 1e-6, |x| 0.5 * x * (1.0 + erf(x / 2f64.sqrt())));
    unary("tanh", &wide, 1e-6, f64::tanh);
    unary("sigmoid", &wide, 1e-6, |x| 1.0 / (1.0 + (-x).exp()));
    unary("relu", &wide, 0.0, |x| x.max(0.0));
    unary("abs", &wide, 0.0, f64::abs);
    unary("neg", &wide, 0.0, |x| -x);
    unary("floor", &wide[..400], 0.0, f64::floor);
    unary("ceil", &wide[..400], 0.0, f64::ceil);
    unary("exp", &wide[..400], 2e-6, f64::exp);
    unary("softplus", &wide[..400], 2e-6, |x| x.exp().ln_1p());
    unary("softsign", &wide[..400], 1e-6, |x| x / (1.0 + x.abs()));
    unary("hard_swish", &wide[..400], 1e-6, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
    unary("elu", &wide[..400], 1e-6, |x| if x > 0.0 { x } else { x.exp() - 1.0 });
    let positive: Vec<f32> = (1..=400).map(|i| i as f32 * 0.05).collect();
    unary("sqrt", &positive, 1e-6, f64::sqrt);
    unary("log", &positive, 2e-6, f64::ln);
    unary("reciprocal", &positive, 1e-6, |x| 1.0 / x);
}

#[test]
fn operands_broadcast() {
    for (a_shape, b_shape) in [
        (vec![2, 3, 4], vec![2, 3, 4]),
        (vec![2, 3, 4], vec![4]),
        (vec![2, 3, 8], vec![3, 1]),
        (vec![5], vec![7, 1]),
        (vec![], vec![3]),
        (vec![2, 1, 5], vec![1, 3, 1]),
        (vec![1], vec![1, 1]),
    ] {
        let mut case = Case::default();
        let (a, b) = (floats(&a_shape, 1), floats(&b_shape, 2));
        let (x, y) = (case.input(&a), case.input(&b));
        let output = case.builder.sub(&x, &y).unwrap();
        let shape = output.shape().to_vec();
        let read = |tensor: &Tensor, mut i: usize| {
            let (mut at, mut stride) = (0, 1);
            for axis in (0..shape.len()).rev() {
                let own = (axis + tensor.shape().len()).checked_sub(shape.len()).map_or(1, |axis| tensor.shape()[axis]);
                at += if own == 1 { 0 } else { i % shape[axis] * stride };
                (i, stride) = (i / shape[axis], stride * own);
            }
            tensor.as_slice::<f32>().unwrap()[at]
        };
        let expected: Vec<f32> = (0..shape.iter().product()).map(|i| read(&a, i) - read(&b, i)).collect();
        case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 0.0);
    }
}

#[test]
fn integers_masks_and_casts() {
    let ids: Vec<i32> = (0..19).map(|i| i * 7 % 5 - 2).collect();
    let build = |shape: &[usize], output: fn(&Case, &Operand, &Operand) -> Operand| {
        let mut case = Case::default();
        let x = case.input(&Tensor::from_slice(shape, &ids[..shape.iter().product()]).unwrap());
        let zero = case.builder.scalar(DataType::Int32, 0.0).unwrap();
        let output = output(&case, &x, &zero);
        case.finish(&output)
    };
    for shape in [vec![19], vec![16], vec![3, 4]] {
        let count: usize = shape.iter().product();
        let ids = &ids[..count];
        let compared: Vec<u8> = ids.iter().map(|id| u8::from(*id > 0)).collect();
        let built = build(&shape, |case, x, zero| case.builder.greater(x, zero).unwrap());
        built.expect(&Tensor::from_slice(&shape, &compared).unwrap(), 0.0);
        // The comparison's bytes are read again, from memory: it is an output of its own.
        let inverted: Vec<u8> = compared.iter().map(|byte| 1 - byte).collect();
        let mut case = Case::default();
        let x = case.input(&Tensor::from_slice(&shape, &compared).unwrap());
        let output = case.builder.logical_not(&x).unwrap();
        case.finish(&output).expect(&Tensor::from_slice(&shape, &inverted).unwrap(), 0.0);
        let chosen: Vec<i32> = ids.iter().map(|id| if *id > 0 { *id } else { 0 }).collect();
        let built = build(&shape, |case, x, zero| case.builder.where_(&case.builder.greater(x, zero).unwrap(), x, zero).unwrap());
        built.expect(&Tensor::from_slice(&shape, &chosen).unwrap(), 0.0);
        let cast: Vec<f32> = ids.iter().map(|id| *id as f32).collect();
        let built = build(&shape, |case, x, _| case.builder.cast(x, DataType::Float32).unwrap());
        built.expect(&Tensor::from_slice(&shape, &cast).unwrap(), 0.0);
        let bytes: Vec<i8> = ids.iter().map(|id| (*id as i8).wrapping_mul(*id as i8)).collect();
        let built = build(&shape, |case, x, _| case.builder.cast(&case.builder.mul(x, x).unwrap(), DataType::Int8).unwrap());
        built.expect(&Tensor::from_slice(&shape, &bytes).unwrap(), 0.0);
    }
    let numbers = [-3.7f32, -0.2, 0.0, 0.9, 2.5, 300.0];
    let mut case = Case::default();
    let x = case.input(&Tensor::from_slice(&[6], &numbers).unwrap());
    let output = case.builder.cast(&x, DataType::Int32).unwrap();
    case.finish(&output).expect(&Tensor::from_slice(&[6], &[-3, 0, 0, 0, 2, 300]).unwrap(), 0.0);
}

#[test]
fn embeddings_are_gathered() {
    for (shape, axis, width) in [(vec![11, 8], 0, 1), (vec![11, 7], 0, 1), (vec![3, 6, 4], 1, 4), (vec![5, 9], 1, 1)] {
        let table = floats(&shape, 1);
        let size = shape[axis] as i32;
        let indices = [0, size - 1, 2, -1, 1, 100, -100];
        let mut case = Case::default();
        let (x, i) = (case.weight(&table), case.input(&Tensor::from_slice(&[7], &indices).unwrap()));
        let output = case.builder.gather(&x, &i, GatherOptions { axis }).unwrap();
        let (outer, inner): (usize, usize) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
        let mut expected = Vec::new();
        for o in 0..outer {
            for index in indices {
                let at = (if index < 0 { index + size } else { index }).clamp(0, size - 1) as usize;
                expected.extend_from_slice(&table.as_slice::<f32>().unwrap()[(o * shape[axis] + at) * inner..][..inner]);
            }
        }
        assert!(inner >= width);
        let shape = output.shape().to_vec();
        case.finish(&output).expect(&Tensor::from_slice(&shape, &expected).unwrap(), 0.0);
    }
}

#[test]
fn views_are_moved() {
    let input = floats(&[4, 6, 8], 1);
    let x = input.as_slice::<f32>().unwrap();
    let mut case = Case::default();
    let operand = case.input(&input);
    let options = crate::ops::transpose::TransposeOptions { permutation: Some(vec![2, 0, 1]) };
    let output = case.builder.transpose(&operand, options).unwrap();
    let expected: Vec<f32> = (0..192).map(|i| x[(i / 6 % 4 * 6 + i % 6) * 8 + i / 24]).collect();
    case.finish(&output).expect(&Tensor::from_slice(&[8, 4, 6], &expected).unwrap(), 0.0);

    let mut case = Case::default();
    let operand = case.input(&input);
    let output = case.builder.slice(&operand, &[1, 2, 3], &[2, 3, 4], Default::default()).unwrap();
    let expected: Vec<f32> = (0..24).map(|i| x[((i / 12 + 1) * 6 + i / 4 % 3 + 2) * 8 + i % 4 + 3]).collect();
    case.finish(&output).expect(&Tensor::from_slice(&[2, 3, 4], &expected).unwrap(), 0.0);
}

#[test]
fn tensors_are_concatenated() {
    for (axis, sizes) in [(0, [2, 1, 3]), (1, [4, 8, 4]), (1, [3, 1, 2]), (2, [4, 4, 8])] {
        let shape = |size: usize| {
            let mut shape = [3, 5, 4];
            shape[axis] = size;
            shape
        };
        let tensors = [0, 1, 2].map(|i| floats(&shape(sizes[i]), i as u32));
        let total: usize = sizes.iter().sum();
        let (outer, inner): (usize, usize) = (shape(0)[..axis].iter().product(), shape(0)[axis + 1..].iter().product());
        let mut expected = Vec::new();
        for o in 0..outer {
            for (tensor, size) in tensors.iter().zip(sizes) {
                expected.extend_from_slice(&tensor.as_slice::<f32>().unwrap()[o * size * inner..][..size * inner]);
            }
        }
        let mut case = Case::default();
        let operands = tensors.each_ref().map(|tensor| case.input(tensor));
        let output = case.builder.concat(&operands, axis).unwrap();
        case.finish(&output).expect(&Tensor::from_slice(&shape(total), &expected).unwrap(), 0.0);
        // The same of bytes, four of which share a word.
        let bytes = |values: &[f32]| values.iter().map(|x| (x * 100.0) as i8).collect::<Vec<_>>();
        let mut case = Case::default();
        let small = tensors.each_ref().map(|tensor| Tensor::from_slice(tensor.shape(), &bytes(tensor.as_slice().unwrap())).unwrap());
        let operands = small.each_ref().map(|tensor| case.input(tensor));
        let output = case.builder.concat(&operands, axis).unwrap();
        case.finish(&output).expect(&Tensor::from_slice(&shape(total), &bytes(&expected)).unwrap(), 0.0);
    }
}

#[test]
fn a_tensor_used_twice_is_bound_once() {
    let mut case = Case::default();
    let input = floats(&[6, 6], 1);
    let x = case.input(&input);
    let sum = case.builder.add(&x, &x).unwrap();
    let output = case.builder.matmul(&sum, &sum).unwrap();
    let x: Vec<f32> = input.as_slice::<f32>().unwrap().iter().map(|x| x + x).collect();
    let expected: Vec<f32> = (0..36).map(|i| (0..6).map(|k| x[i / 6 * 6 + k] * x[k * 6 + i % 6]).sum()).collect();
    case.finish(&output).expect(&Tensor::from_slice(&[6, 6], &expected).unwrap(), 1e-5);
}

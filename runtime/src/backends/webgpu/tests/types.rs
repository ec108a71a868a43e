//! Every element type: moved, computed, cast, against arithmetic on the host.

use half::f16;

use super::*;
use crate::ops::concat::CONCAT;
use crate::tensor::Element;

#[track_caller]
fn halves_close(found: &Tensor, expected: &[f32]) {
    let found: Vec<f32> = found.as_slice::<f16>().unwrap().iter().map(|x| x.to_f32()).collect();
    let expected: Vec<f32> = expected.iter().map(|x| f16::from_f32(*x).to_f32()).collect();
    assert_eq!(found, expected);
}

/// `function` of the operands on every kernel kind.
fn run(tensors: &[Tensor], function: impl Fn(&GraphBuilder, &[Operand]) -> Operand) -> Option<Tensor> {
    let mut case = Case::default();
    let operands: Vec<Operand> = tensors.iter().map(|tensor| case.input(tensor)).collect();
    let output = function(&case.builder, &operands);
    let built = case.finish(&output);
    built.validate();
    let mut results = [false, true].map(|software| device(software).as_ref().ok().map(|device| built.run_on(device)));
    if results[0].is_none() {
        println!("skipped: there is no adapter");
    }
    assert_eq!(results[0], results[1]);
    results[0].take()
}

fn tensor<T: Element>(values: &[T]) -> Tensor {
    Tensor::from_slice(&[values.len()], values).unwrap()
}

const WIDE: [i64; 12] = [0, 1, -1, 7, -7, 4294967296, -4294967297, i64::MAX, i64::MIN, 1234567890123456789, -987654321987654321, 65535];

#[test]
fn sixty_four_bit_integers() {
    let others: Vec<i64> = WIDE.iter().rev().copied().collect();
    let pair = [tensor(&WIDE), tensor(&others)];
    type Function = fn(&GraphBuilder, &Operand, &Operand) -> Operand;
    type Expected = fn(i64, i64) -> i64;
    let cases: [(Function, Expected); 8] = [
        (|b, x, y| b.add(x, y).unwrap(), i64::wrapping_add),
        (|b, x, y| b.sub(x, y).unwrap(), i64::wrapping_sub),
        (|b, x, y| b.mul(x, y).unwrap(), i64::wrapping_mul),
        (|b, x, y| b.div(x, y).unwrap(), |a, b| if b == 0 { 0 } else { a.wrapping_div(b) }),
        (|b, x, y| b.max(x, y).unwrap(), i64::max),
        (|b, x, y| b.min(x, y).unwrap(), i64::min),
        (|b, x, _| b.abs(x).unwrap(), |a, _| a.wrapping_abs()),
        (|b, x, _| b.sign(x).unwrap(), |a, _| a.signum()),
    ];
    for (function, expected) in cases {
        let Some(found) = run(&pair, |builder, operands| function(builder, &operands[0], &operands[1])) else { return };
        let expected: Vec<i64> = WIDE.iter().zip(&others).map(|(a, b)| expected(*a, *b)).collect();
        assert_eq!(found.as_slice::<i64>().unwrap(), expected);
    }
    let unsigned = [tensor(&WIDE.map(|x| x as u64)), tensor(&others.iter().map(|x| *x as u64).collect::<Vec<_>>())];
    let Some(found) = run(&unsigned, |builder, operands| builder.div(&operands[0], &operands[1]).unwrap()) else { return };
    let quotient = |(a, b): (&i64, &i64)| (*a as u64).checked_div(*b as u64).unwrap_or(0);
    assert_eq!(found.as_slice::<u64>().unwrap(), WIDE.iter().zip(&others).map(quotient).collect::<Vec<_>>());
    let Some(found) = run(&unsigned, |builder, operands| builder.lesser(&operands[0], &operands[1]).unwrap()) else { return };
    let less = |(a, b): (&i64, &i64)| u8::from((*a as u64) < (*b as u64));
    assert_eq!(found.as_slice::<u8>().unwrap(), WIDE.iter().zip(&others).map(less).collect::<Vec<_>>());
    let Some(found) = run(&pair, |builder, operands| builder.greater_or_equal(&operands[0], &operands[1]).unwrap()) else { return };
    assert_eq!(found.as_slice::<u8>().unwrap(), WIDE.iter().zip(&others).map(|(a, b)| u8::from(a >= b)).collect::<Vec<_>>());
    let Some(found) = run(&[tensor(&[2i64, -3, 10, 1, -1, 0])], |builder, operands| {
        let exponents = tensor(&[40i64, 3, 18, -5, -3, -1]);
        builder.pow(&operands[0], &builder.constant(exponents.descriptor().clone(), exponents.bytes()).unwrap()).unwrap()
    }) else {
        return;
    };
    assert_eq!(found.as_slice::<i64>().unwrap(), [1 << 40, -27, 1000000000000000000, 1, -1, i64::MAX]);
}

#[test]
fn casts_keep_what_both_types_hold() {
    let cast = |tensor: Tensor, to: DataType| run(&[tensor], |builder, operands| builder.cast(&operands[0], to).unwrap());
    let Some(found) = cast(tensor(&WIDE), DataType::Float32) else { return };
    assert_eq!(found.as_slice::<f32>().unwrap(), WIDE.map(|x| x as f32));
    let unsigned = WIDE.map(|x| x as u64);
    assert_eq!(cast(tensor(&unsigned), DataType::Float32).unwrap().as_slice::<f32>().unwrap(), unsigned.map(|x| x as f32));
    assert_eq!(cast(tensor(&WIDE), DataType::Int8).unwrap().as_slice::<i8>().unwrap(), WIDE.map(|x| x as i8));
    assert_eq!(cast(tensor(&WIDE), DataType::Uint32).unwrap().as_slice::<u32>().unwrap(), WIDE.map(|x| x as u32));
    let floats = [
        0.0f32,
        -0.9,
        1.9,
        -1.9,
        127.5,
        1000.0,
        -1000.0,
        3e9,
        -3e9,
        5e9,
        1e19,
        -1e19,
        2e19,
        4294967040.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    assert_eq!(cast(tensor(&floats), DataType::Int8).unwrap().as_slice::<i8>().unwrap(), floats.map(|x| x as i8));
    assert_eq!(cast(tensor(&floats), DataType::Uint8).unwrap().as_slice::<u8>().unwrap(), floats.map(|x| x as u8));
    assert_eq!(cast(tensor(&floats), DataType::Int32).unwrap().as_slice::<i32>().unwrap(), floats.map(|x| x as i32));
    assert_eq!(cast(tensor(&floats), DataType::Uint32).unwrap().as_slice::<u32>().unwrap(), floats.map(|x| x as u32));
    assert_eq!(cast(tensor(&floats), DataType::Int64).unwrap().as_slice::<i64>().unwrap(), floats.map(|x| x as i64));
    assert_eq!(cast(tensor(&floats), DataType::Uint64).unwrap().as_slice::<u64>().unwrap(), floats.map(|x| x as u64));
    let small = [-128i8, -1, 0, 1, 127];
    assert_eq!(cast(tensor(&small), DataType::Uint64).unwrap().as_slice::<u64>().unwrap(), small.map(|x| x as u64));
    assert_eq!(cast(tensor(&small), DataType::Uint8).unwrap().as_slice::<u8>().unwrap(), small.map(|x| x as u8));
}

#[test]
fn halves_round_once() {
    // Ties, subnormals, overflow, the signs of zero.
    let numbers =
        [0.0f32, -0.0, 1.0, 2049.0, 2051.0, 65504.0, 65519.0, 65520.0, -1e9, 6e-8, 2.9e-8, 3.1e-8, -6.1e-5, 1e-4, 0.333333, 1e-10];
    let Some(found) = run(&[tensor(&numbers)], |builder, operands| builder.cast(&operands[0], DataType::Float16).unwrap()) else { return };
    let bits = |numbers: &[f16]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let expected: Vec<f16> = numbers.iter().map(|x| f16::from_f32(*x)).collect();
    assert_eq!(bits(found.as_slice().unwrap()), bits(&expected));
    for count in [1, 2, 3, 8, 13] {
        let halves: Vec<f16> = noise(count, 3).iter().map(|x| f16::from_f32(*x)).collect();
        let found = run(&[tensor(&halves)], |builder, operands| {
            let product = builder.mul(&operands[0], &operands[0]).unwrap();
            builder.add(&product, &operands[0]).unwrap()
        });
        let expected: Vec<f32> = halves.iter().map(|x| f16::from_f32(x.to_f32() * x.to_f32()).to_f32() + x.to_f32()).collect();
        halves_close(&found.unwrap(), &expected);
    }
}

#[test]
fn products_of_halves() {
    let matrix = |rows: usize, columns: usize, seed: u32| {
        let numbers: Vec<f16> = noise(rows * columns, seed).iter().map(|x| f16::from_f32((x * 8.0).round())).collect();
        Tensor::from_slice(&[rows, columns], &numbers).unwrap()
    };
    for (rows, inner, columns) in [(5, 7, 3), (8, 16, 12), (1, 4, 9)] {
        let (a, b) = (matrix(rows, inner, 1), matrix(inner, columns, 2));
        let Some(found) = run(&[a.clone(), b.clone()], |builder, operands| {
            let product = builder.matmul(&operands[0], &operands[1]).unwrap();
            builder.relu(&product).unwrap()
        }) else {
            return;
        };
        let (a, b) = (a.as_slice::<f16>().unwrap(), b.as_slice::<f16>().unwrap());
        let sum = |i: usize| (0..inner).map(|k| a[i / columns * inner + k].to_f32() * b[k * columns + i % columns].to_f32()).sum::<f32>();
        halves_close(&found, &(0..rows * columns).map(|i| sum(i).max(0.0)).collect::<Vec<_>>());
    }
}

/// Concatenations whose parts are whole words, are not, and are more than one dispatch binds.
#[test]
fn every_width_of_element_moves() {
    for sizes in [vec![4, 8], vec![1, 2, 3], vec![1; 11]] {
        for data_type in DataType::ALL {
            if data_type.bits() < 8 {
                continue;
            }
            let bytes = data_type.bits() / 8;
            let tensors: Vec<Tensor> = sizes
                .iter()
                .enumerate()
                .map(|(index, size)| {
                    let content: Vec<u8> = (0..3 * size * bytes).map(|byte| (byte * 7 + index * 31) as u8).collect();
                    Tensor::new(OperandDescriptor::new(data_type, [3, *size]).unwrap(), &content).unwrap()
                })
                .collect();
            let found = run(&tensors, |builder, operands| {
                let arguments = vec![crate::graph::Argument::Operands(operands.to_vec()), crate::graph::Argument::Int(1)];
                builder.call_by_name(CONCAT.name, arguments, vec![]).unwrap().remove(0)
            });
            let mut expected: Vec<u8> = Vec::new();
            for row in 0..3 {
                tensors
                    .iter()
                    .zip(&sizes)
                    .for_each(|(tensor, size)| expected.extend(&tensor.bytes()[row * size * bytes..][..size * bytes]));
            }
            let Some(found) = found else { return };
            assert_eq!(found.bytes(), expected, "{data_type} {sizes:?}");
        }
    }
}

/// Constants of less than a byte a row arrive whole.
#[test]
fn nibbles_of_a_constant() {
    let mut case = Case::default();
    let x = case.input(&tensor(&[10f32, 10.0, 10.0]));
    let descriptor = |data_type| OperandDescriptor::new(data_type, [3]).unwrap();
    let zero_point = case.builder.constant(descriptor(DataType::Uint4), [0x21u8, 0x03].as_slice()).unwrap();
    let scale = case.builder.constant(descriptor(DataType::Float32), bytemuck::cast_slice::<f32, u8>(&[2.0, 4.0, 5.0])).unwrap();
    let quantized = case.builder.quantize_linear(&x, &scale, &zero_point).unwrap();
    let output = case.builder.cast(&quantized, DataType::Int32).unwrap();
    case.finish(&output).expect(&tensor(&[6i32, 4, 5]), 0.0);
}

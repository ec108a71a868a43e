//! Fused programs on all threads against the reference kernels, node by node.

use half::f16;

use super::{Device, run_reference};
use crate::error::{Error, Result};
use crate::graph::{DataType, Graph, GraphBuilder, Operand, OperandDescriptor};
use crate::ops::gather::GatherOptions;
use crate::ops::layer_normalization::LayerNormalizationOptions;
use crate::ops::transpose::TransposeOptions;
use crate::optimize::{PackedConstant, Part, optimize};
use crate::tensor::Tensor;

/// Numbers between -1 and 1 by the name of a tensor; whole ones in `0..limit` for integers.
fn random(name: &str, descriptor: &OperandDescriptor, limit: u32) -> Tensor {
    let mut state = name.bytes().fold(2_166_136_261u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut tensor = Tensor::zeros(descriptor.clone());
    let float = |bits: u32| bits as f32 / (1 << 23) as f32 - 1.0;
    match descriptor.data_type {
        DataType::Float32 => tensor.as_mut_slice::<f32>().unwrap().iter_mut().for_each(|x| *x = float(next())),
        DataType::Float16 => tensor.as_mut_slice::<f16>().unwrap().iter_mut().for_each(|x| *x = f16::from_f32(float(next()))),
        DataType::Int32 => tensor.as_mut_slice::<i32>().unwrap().iter_mut().for_each(|x| *x = (next() % limit) as i32),
        other => panic!("{other}"),
    }
    tensor
}

fn lookup(graph: &Graph, name: &str, limit: u32) -> Result<Tensor> {
    let named = graph.inputs().iter().chain(graph.weights()).find(|(known, _)| known == name);
    Ok(random(name, graph.descriptor(named.expect("a name of the graph").1), limit))
}

fn pack(constant: &PackedConstant) -> Result<Tensor> {
    let mut bytes = Vec::new();
    for part in &constant.parts {
        match part {
            Part::Weight { name, descriptor } => bytes.extend_from_slice(random(name, descriptor, 1).bytes()),
            Part::Bytes { bytes: held, .. } => bytes.extend_from_slice(held),
            Part::Zeros { descriptor } => bytes.resize(bytes.len() + descriptor.byte_length(), 0),
        }
    }
    Tensor::new(constant.descriptor.clone(), &bytes)
}

/// The greatest difference between the fused and the reference result, over two runs and several numbers of threads.
fn difference(graph: &Graph, limit: u32) -> f64 {
    let expected = run_reference(graph, |name| lookup(graph, name, limit)).unwrap();
    let mut worst = 0f64;
    for threads in [1, 3] {
        let mut compiled = Device::new(Some(threads)).unwrap().compile(&optimize(graph), &mut |constant| pack(constant)).unwrap();
        let inputs: Vec<(String, Tensor)> =
            graph.inputs().iter().map(|(name, _)| (name.clone(), lookup(graph, name, limit).unwrap())).collect();
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let first = compiled.run(&inputs).unwrap();
        assert_eq!(first, compiled.run(&inputs).unwrap(), "two runs differ");
        for ((_, expected), (_, found)) in expected.iter().zip(&first) {
            assert_eq!(expected.descriptor(), found.descriptor());
            let numbers = |tensor: &Tensor| -> Vec<f64> {
                match tensor.data_type() {
                    DataType::Float32 => tensor.as_slice::<f32>().unwrap().iter().map(|x| f64::from(*x)).collect(),
                    _ => tensor.as_slice::<f16>().unwrap().iter().map(|x| x.to_f64()).collect(),
                }
            };
            for (a, b) in numbers(expected).iter().zip(numbers(found)) {
                assert!(b.is_finite());
                worst = worst.max((a - b).abs());
            }
        }
    }
    worst
}

struct Sizes {
    batch: usize,
    sequence: usize,
    heads: usize,
    head_size: usize,
    wide: usize,
}

/// One layer of an encoder, with embedding and mask.
fn encoder(data_type: DataType, sizes: &Sizes) -> Graph {
    let builder = GraphBuilder::new();
    let b = &builder;
    let Sizes { batch, sequence, heads, head_size, wide } = *sizes;
    let hidden_size = heads * head_size;
    let descriptor = |shape: &[usize]| OperandDescriptor::new(data_type, shape).unwrap();
    let weight = |name: &str, shape: &[usize]| b.weight(name, descriptor(shape)).unwrap();
    let turn = |x: &Operand, permutation: &[usize]| b.transpose(x, TransposeOptions { permutation: Some(permutation.to_vec()) }).unwrap();
    let linear = |x: &Operand, name: &str, columns: usize| {
        let matrix = weight(&format!("{name}.weight"), &[columns, x.size(-1).unwrap()]);
        b.add(&b.matmul(x, &turn(&matrix, &[1, 0])).unwrap(), &weight(&format!("{name}.bias"), &[columns])).unwrap()
    };
    let norm = |x: &Operand, name: &str| {
        let [scale, bias] = ["scale", "bias"].map(|part| Some(weight(&format!("{name}.{part}"), &[x.size(-1).unwrap()])));
        b.layer_normalization(x, LayerNormalizationOptions { scale, bias, axes: Some(vec![x.shape().len() - 1]), epsilon: 1e-5 }).unwrap()
    };
    let number = |value: f64| b.constant(descriptor(&[]), random_scalar(data_type, value)).unwrap();
    let ids = b.input("ids", OperandDescriptor::new(DataType::Int32, [batch, sequence]).unwrap()).unwrap();
    let x = norm(&b.gather(&weight("words", &[7, hidden_size]), &ids, GatherOptions::default()).unwrap(), "embeddings");
    let split = |x: &Operand| turn(&b.reshape(x, &[batch, sequence, heads, head_size]).unwrap(), &[0, 2, 1, 3]);
    let [query, key, value] = ["query", "key", "value"].map(|name| split(&linear(&x, name, hidden_size)));
    let scores = b.mul(&b.matmul(&query, &turn(&key, &[0, 1, 3, 2])).unwrap(), &number(0.25)).unwrap();
    let mask = b.mul(&b.cast(&b.reshape(&ids, &[batch, 1, 1, sequence]).unwrap(), data_type).unwrap(), &number(-0.5)).unwrap();
    let context = b.matmul(&b.softmax(&b.add(&scores, &mask).unwrap(), 3).unwrap(), &value).unwrap();
    let context = b.reshape(&turn(&context, &[0, 2, 1, 3]), &[batch, sequence, hidden_size]).unwrap();
    let x = norm(&b.add(&linear(&context, "output", hidden_size), &x).unwrap(), "attention");
    let feed = linear(&b.gelu(&linear(&x, "wide", wide)).unwrap(), "narrow", hidden_size);
    let x = norm(&b.add(&feed, &x).unwrap(), "feed_forward");
    let first = b.slice(&x, &[0, 0, 0], &[batch, 1, hidden_size], Default::default()).unwrap();
    b.output("hidden", &x).unwrap();
    b.output("pooled", &b.tanh(&linear(&b.reshape(&first, &[batch, hidden_size]).unwrap(), "pooler", 3)).unwrap()).unwrap();
    builder.build().unwrap()
}

fn random_scalar(data_type: DataType, value: f64) -> Vec<u8> {
    match data_type {
        DataType::Float16 => f16::from_f64(value).to_le_bytes().to_vec(),
        _ => (value as f32).to_le_bytes().to_vec(),
    }
}

/// One position of a decoder: query, key and value of it, key and value written into what the positions before it left.
fn decoder_step(batch: usize, capacity: usize, heads: usize, head_size: usize) -> Graph {
    let b = GraphBuilder::new();
    let size = heads * head_size;
    let descriptor = |shape: &[usize]| OperandDescriptor::new(DataType::Float32, shape).unwrap();
    let weight = |name: &str, shape: &[usize]| b.weight(name, descriptor(shape)).unwrap();
    let turn = |x: &Operand, permutation: &[usize]| b.transpose(x, TransposeOptions { permutation: Some(permutation.to_vec()) }).unwrap();
    let x = b.input("x", descriptor(&[batch, 1, size])).unwrap();
    let product = |name: &str| b.matmul(&x, &turn(&weight(name, &[size, size]), &[1, 0])).unwrap();
    let rows = b.reshape(&b.range(capacity).unwrap(), &[1, capacity, 1]).unwrap();
    let at = b
        .equal(&rows, &b.constant(OperandDescriptor::new(DataType::Int32, [1, 1, 1]).unwrap(), 2i32.to_le_bytes().to_vec()).unwrap())
        .unwrap();
    let state = |name: &str, new: &Operand| {
        let past = b.input(&format!("past {name}"), descriptor(&[batch, capacity, size])).unwrap();
        let present = b.where_(&at, new, &past).unwrap();
        b.output(&format!("present {name}"), &present).unwrap();
        present
    };
    let split = |x: &Operand, rows: usize| turn(&b.reshape(x, &[batch, rows, heads, head_size]).unwrap(), &[0, 2, 1, 3]);
    let bias = weight("query bias", &[size]);
    let query = split(&b.add(&product("query"), &bias).unwrap(), 1);
    let key = split(&state("key", &product("key")), capacity);
    let value = split(&state("value", &product("value")), capacity);
    let scores = b.matmul(&query, &turn(&key, &[0, 1, 3, 2])).unwrap();
    let context = b.matmul(&b.softmax(&scores, 3).unwrap(), &value).unwrap();
    b.output("context", &b.reshape(&turn(&context, &[0, 2, 1, 3]), &[batch, 1, size]).unwrap()).unwrap();
    b.build().unwrap()
}

#[test]
fn a_decoder_step_is_one_product_two_states_and_attention() {
    for (batch, capacity, heads, head_size) in [(1, 4, 1, 3), (2, 7, 2, 8), (3, 20, 4, 16)] {
        let graph = decoder_step(batch, capacity, heads, head_size);
        let steps: Vec<_> = optimize(&graph).steps.iter().map(|step| step.kernel.name()).collect();
        // The first compares positions: one for all layers.
        assert_eq!(steps, ["pointwise", "linear", "pointwise", "pointwise", "attention"]);
        assert!(difference(&graph, 1) < 1e-5);
    }
}

#[test]
fn an_encoder_of_many_sizes() {
    for (batch, sequence, heads, head_size, wide) in
        [(1, 1, 1, 1, 1), (2, 5, 3, 7, 13), (1, 70, 2, 16, 100), (3, 33, 4, 8, 800), (1, 300, 1, 20, 10)]
    {
        let graph = encoder(DataType::Float32, &Sizes { batch, sequence, heads, head_size, wide });
        let difference = difference(&graph, 7);
        assert!(difference < 2e-5, "{batch} × {sequence} × {heads} × {head_size}: {difference}");
    }
}

#[test]
fn an_encoder_of_float16() {
    let graph = encoder(DataType::Float16, &Sizes { batch: 2, sequence: 5, heads: 3, head_size: 7, wide: 13 });
    let difference = difference(&graph, 7);
    assert!(difference < 2e-2, "{difference}");
}

#[test]
fn products_of_every_shape_and_storage() {
    for (rows, inner, columns, transposed) in
        [(1, 5, 1, true), (17, 1, 6, true), (65, 800, 7, true), (300, 20, 97, true), (5, 1600, 13, false), (64, 769, 192, false)]
            .into_iter()
            .chain([
                (1, 384, 1001, true),
                (3, 100, 300, true),
                (8, 37, 21, true),
                (1, 1537, 130, false),
                (4, 18, 999, false),
                (1, 1, 1, false),
            ])
    {
        let b = GraphBuilder::new();
        let float = |shape: &[usize]| OperandDescriptor::new(DataType::Float32, shape).unwrap();
        let x = b.input("x", float(&[rows, inner])).unwrap();
        let weight = if transposed {
            b.transpose(&b.weight("w", float(&[columns, inner])).unwrap(), TransposeOptions::default()).unwrap()
        } else {
            b.weight("w", float(&[inner, columns])).unwrap()
        };
        b.output("y", &b.matmul(&x, &weight).unwrap()).unwrap();
        let difference = difference(&b.build().unwrap(), 1);
        assert!(difference < 1e-4, "{rows} × {inner} × {columns}: {difference}");
    }
}

#[test]
fn inputs_are_checked_by_name() {
    let graph = encoder(DataType::Float32, &Sizes { batch: 1, sequence: 2, heads: 1, head_size: 2, wide: 2 });
    let mut compiled = Device::new(Some(1)).unwrap().compile(&optimize(&graph), &mut |constant| pack(constant)).unwrap();
    let ids = Tensor::from_slice(&[1, 2], &[1i32, 2]).unwrap();
    let long = Tensor::from_slice(&[1, 3], &[1i32, 2, 3]).unwrap();
    assert!(matches!(compiled.run(&[]), Err(Error::MissingInput { .. })));
    assert!(matches!(compiled.run(&[("ids", &long)]), Err(Error::InputMismatch { .. })));
    assert!(matches!(compiled.run(&[("ids", &ids), ("more", &ids)]), Err(Error::UnknownInput { .. })));
    let kept = compiled.run(&[("ids", &ids)]).unwrap();
    let copy = kept[0].1.as_slice::<f32>().unwrap().to_vec();
    compiled.run(&[("ids", &Tensor::from_slice(&[1, 2], &[5i32, 6]).unwrap())]).unwrap();
    assert_eq!(kept[0].1.as_slice::<f32>().unwrap(), copy, "a later run writes to outputs that the caller holds");
}

#[test]
fn four_bit_types_keep_their_packing() {
    let b = GraphBuilder::new();
    let input = b.input("x", OperandDescriptor::new(DataType::Int4, [3]).unwrap()).unwrap();
    let turned = b.reverse(&b.reshape(&input, &[1, 3]).unwrap(), Default::default()).unwrap();
    b.output("same", &input).unwrap();
    b.output("turned", &turned).unwrap();
    b.output("wide", &b.cast(&turned, DataType::Int32).unwrap()).unwrap();
    b.output("narrow", &b.cast(&b.scalar(DataType::Float32, 100.0).unwrap(), DataType::Uint4).unwrap()).unwrap();
    let graph = b.build().unwrap();
    // -1, 2, -8
    let x = Tensor::new(OperandDescriptor::new(DataType::Int4, [3]).unwrap(), &[0x2f, 0x08]).unwrap();
    let mut compiled = Device::new(Some(1)).unwrap().compile(&optimize(&graph), &mut |constant| pack(constant)).unwrap();
    let outputs = compiled.run(&[("x", &x)]).unwrap();
    assert_eq!(outputs[0].1.bytes(), x.bytes());
    assert_eq!(outputs[1].1.bytes(), [0x28, 0x0f]);
    assert_eq!(outputs[2].1.as_slice::<i32>().unwrap(), [-8, 2, -1]);
    assert_eq!(outputs[3].1.bytes(), [15]);
}

#[test]
fn several_outputs_go_to_their_places() {
    let b = GraphBuilder::new();
    let float = |shape: &[usize]| OperandDescriptor::new(DataType::Float32, shape).unwrap();
    let x = b.input("x", float(&[3, 2, 4])).unwrap();
    let [weight, recurrent] = ["w", "r"].map(|name| b.weight(name, float(&[2, 20, if name == "w" { 4 } else { 5 }])).unwrap());
    let options = crate::ops::options::LstmOptions { return_sequence: true, direction: "both".into(), ..Default::default() };
    let outputs = b.lstm(&x, &weight, &recurrent, 3, 5, options).unwrap();
    // The hidden state goes into the arena, the cell state nowhere, the sequence to an output.
    b.output("sequence", &outputs[2]).unwrap();
    b.output(
        "hidden",
        &b.matmul(&b.exp(&outputs[0]).unwrap(), &b.transpose(&outputs[0], TransposeOptions { permutation: Some(vec![0, 2, 1]) }).unwrap())
            .unwrap(),
    )
    .unwrap();
    let difference = difference(&b.build().unwrap(), 1);
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn convolutions_of_every_layout() {
    let cases = [
        ([2, 3, 11, 9], [4, 3, 3, 2], 1, [1, 2, 0, 1], [2, 1], [1, 2]),
        ([1, 6, 8, 8], [9, 2, 3, 3], 3, [1, 1, 1, 1], [1, 1], [1, 1]),
        ([1, 5, 7, 6], [5, 1, 3, 3], 5, [1, 1, 1, 1], [1, 1], [2, 1]),
        ([1, 4, 5, 1], [6, 4, 1, 1], 1, [0; 4], [1, 1], [1, 1]),
        ([1, 1, 1, 1], [1, 1, 1, 1], 1, [0; 4], [1, 1], [1, 1]),
        ([1, 3, 32, 32], [20, 3, 8, 8], 1, [0; 4], [8, 8], [1, 1]),
        // Several panels, a filter wider than the image, and windows that lie in the padding alone.
        ([1, 3, 1, 200], [8, 3, 1, 3], 1, [0, 0, 1, 1], [1, 2], [1, 1]),
        ([1, 2, 17, 23], [7, 2, 3, 3], 1, [1, 1, 1, 1], [1, 1], [1, 1]),
        ([1, 1, 2, 3], [2, 1, 2, 5], 1, [4, 3, 6, 5], [1, 1], [2, 3]),
    ];
    for (image, filter, groups, padding, strides, dilations) in cases {
        for (input_layout, filter_layout) in ["nchw", "nhwc"].iter().flat_map(|a| ["oihw", "hwio", "ohwi", "ihwo"].map(|b| (*a, b))) {
            let arrange = |sizes: [usize; 4], from: &str, to: &str| -> Vec<usize> {
                to.chars().map(|letter| sizes[from.find(letter).unwrap()]).collect()
            };
            let b = GraphBuilder::new();
            let float = |shape: Vec<usize>| OperandDescriptor::new(DataType::Float32, shape).unwrap();
            let x = b.input("x", float(arrange(image, "nchw", input_layout))).unwrap();
            let weight = b.weight("w", float(arrange(filter, "oihw", filter_layout))).unwrap();
            let options = crate::ops::options::Conv2dOptions {
                padding: Some(padding.to_vec()),
                strides: Some(strides.to_vec()),
                dilations: Some(dilations.to_vec()),
                groups,
                input_layout: input_layout.into(),
                filter_layout: filter_layout.into(),
                bias: Some(b.weight("b", float(vec![filter[0]])).unwrap()),
            };
            b.output("y", &b.conv2d(&x, &weight, options).unwrap()).unwrap();
            let difference = difference(&b.build().unwrap(), 1);
            assert!(difference < 1e-5, "{image:?} {filter:?} {input_layout} {filter_layout}: {difference}");
        }
    }
}

#[test]
fn gather_counts_back_and_stops_at_the_ends() {
    let b = GraphBuilder::new();
    let x = b.input("x", OperandDescriptor::new(DataType::Float32, [3, 2]).unwrap()).unwrap();
    let indices = b.input("indices", OperandDescriptor::new(DataType::Int64, [5]).unwrap()).unwrap();
    b.output("y", &b.gather(&x, &indices, GatherOptions::default()).unwrap()).unwrap();
    let graph = b.build().unwrap();
    let x = Tensor::from_slice(&[3, 2], &[0f32, 0.5, 1.0, 1.5, 2.0, 2.5]).unwrap();
    let indices = Tensor::from_slice(&[5], &[-1i64, -3, 1, i64::MAX, i64::MIN]).unwrap();
    let mut compiled = Device::new(Some(1)).unwrap().compile(&optimize(&graph), &mut |constant| pack(constant)).unwrap();
    let outputs = compiled.run(&[("x", &x), ("indices", &indices)]).unwrap();
    assert_eq!(outputs[0].1.as_slice::<f32>().unwrap(), [2.0, 2.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 0.0, 0.5]);
}

//! Times an encoder of 12 layers, 768 wide, on the CPU: `cargo run --release --example cpu_encoder --no-default-features --features cpu -- [threads] [batch] [sequence] [runs]`.
//!
//! Random weights, the graph as a generated module builds it. Prints the plan's figures and the times as JSON lines.

use std::time::Instant;

use ipfs_accelerate_runtime::backends::cpu::Device;
use ipfs_accelerate_runtime::ops::gather::GatherOptions;
use ipfs_accelerate_runtime::ops::layer_normalization::LayerNormalizationOptions;
use ipfs_accelerate_runtime::ops::transpose::TransposeOptions;
use ipfs_accelerate_runtime::optimize::{PackedConstant, optimize};
use ipfs_accelerate_runtime::{DataType, Graph, GraphBuilder, GraphError, Operand, OperandDescriptor, Tensor};

const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 3072;
const HEADS: usize = 12;
const LAYERS: usize = 12;
const VOCABULARY: usize = 30522;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut next = |default: usize| numbers.next().unwrap_or(Ok(default));
    let (threads, batch, sequence, runs) = (next(2)?, next(1)?, next(128)?, next(20)?);
    let device = Device::new(Some(threads))?;
    let program = optimize(&encoder(batch, sequence)?);
    println!(
        "{{\"device\": \"{}\", \"dispatches\": {}, \"arena_bytes\": {}}}",
        device.description(),
        program.dispatches(),
        program.arena_bytes()
    );
    let mut seed = 1;
    let mut compiled = device.compile(&program, &mut |constant| Ok(random(constant, &mut seed)))?;
    let ids: Vec<i32> = (0..batch * sequence).map(|index| (index * 7919 % VOCABULARY) as i32).collect();
    let ids = Tensor::from_slice(&[batch, sequence], &ids)?;
    let mask = Tensor::from_slice(&[batch, sequence], &vec![1i32; batch * sequence])?;
    let mut best = f64::MAX;
    for run in 0..runs + 2 {
        let start = Instant::now();
        let outputs = compiled.run(&[("input_ids", &ids), ("attention_mask", &mask)])?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        if outputs[0].1.as_slice::<f32>()?.iter().any(|number| !number.is_finite()) {
            return Err("the output is not finite".into());
        }
        if run >= 2 {
            best = best.min(milliseconds);
            println!("{{\"run\": {}, \"milliseconds\": {milliseconds:.2}}}", run - 2);
        }
    }
    println!("{{\"minimum_milliseconds\": {best:.2}}}");
    Ok(())
}

/// Small weights by a linear congruence; the graph's own constants as they are.
fn random(constant: &PackedConstant, seed: &mut u32) -> Tensor {
    use ipfs_accelerate_runtime::optimize::Part;
    if let [Part::Bytes { bytes, descriptor }] = &constant.parts[..] {
        return Tensor::new(descriptor.clone(), bytes).expect("as many bytes as the descriptor says");
    }
    let mut tensor = Tensor::zeros(constant.descriptor.clone());
    for number in tensor.as_mut_slice::<f32>().expect("float32 weights") {
        *seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        *number = (*seed >> 8) as f32 / (1 << 24) as f32 * 0.08 - 0.04;
    }
    tensor
}

fn encoder(batch: usize, sequence: usize) -> Result<Graph, GraphError> {
    let builder = GraphBuilder::new();
    let b = &builder;
    let ids = b.input("input_ids", OperandDescriptor::new(DataType::Int32, [batch, sequence])?)?;
    let mask = b.input("attention_mask", OperandDescriptor::new(DataType::Int32, [batch, sequence])?)?;
    let words = b.gather(&weight(b, "words", &[VOCABULARY, HIDDEN])?, &ids, GatherOptions::default())?;
    let positions = b.gather(&weight(b, "positions", &[512, HIDDEN])?, &b.range(sequence)?, GatherOptions::default())?;
    let mut hidden = norm(b, &b.add(&words, &positions)?, "embeddings")?;
    let kept = b.cast(&mask, DataType::Float32)?;
    let dropped = b.sub(&b.scalar(DataType::Float32, 1.0)?, &kept)?;
    let mask = b.reshape(&b.mul(&dropped, &b.scalar(DataType::Float32, f64::from(f32::MIN))?)?, &[batch, 1, 1, sequence])?;
    for layer in 0..LAYERS {
        let name = |part: &str| format!("{layer}.{part}");
        let heads = |part: &str| -> Result<Operand, GraphError> {
            let split = b.reshape(&linear(b, &hidden, &name(part), HIDDEN)?, &[batch, sequence, HEADS, HIDDEN / HEADS])?;
            b.transpose(&split, TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) })
        };
        let (query, key, value) = (heads("query")?, heads("key")?, heads("value")?);
        let scores = b.matmul(&query, &b.transpose(&key, TransposeOptions { permutation: Some(vec![0, 1, 3, 2]) })?)?;
        let scores = b.div(&scores, &b.scalar(DataType::Float32, ((HIDDEN / HEADS) as f64).sqrt())?)?;
        let context = b.matmul(&b.softmax(&b.add(&scores, &mask)?, 3)?, &value)?;
        let context = b.transpose(&context, TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) })?;
        let context = b.reshape(&context, &[batch, sequence, HIDDEN])?;
        let attended = norm(b, &b.add(&linear(b, &context, &name("output"), HIDDEN)?, &hidden)?, &name("attention"))?;
        let wide = b.gelu(&linear(b, &attended, &name("wide"), INTERMEDIATE)?)?;
        hidden = norm(b, &b.add(&linear(b, &wide, &name("narrow"), HIDDEN)?, &attended)?, &name("feed_forward"))?;
    }
    b.output("last_hidden_state", &hidden)?;
    builder.build()
}

fn weight(b: &GraphBuilder, name: &str, shape: &[usize]) -> Result<Operand, GraphError> {
    b.weight(name, OperandDescriptor::new(DataType::Float32, shape)?)
}

fn linear(b: &GraphBuilder, input: &Operand, name: &str, columns: usize) -> Result<Operand, GraphError> {
    let matrix = weight(b, &format!("{name}.weight"), &[columns, input.size(-1)?])?;
    let product = b.matmul(input, &b.transpose(&matrix, TransposeOptions::default())?)?;
    b.add(&product, &weight(b, &format!("{name}.bias"), &[columns])?)
}

fn norm(b: &GraphBuilder, input: &Operand, name: &str) -> Result<Operand, GraphError> {
    let size = input.size(-1)?;
    let scale = Some(weight(b, &format!("{name}.scale"), &[size])?);
    let bias = Some(weight(b, &format!("{name}.bias"), &[size])?);
    let axes = Some(vec![input.shape().len() - 1]);
    b.layer_normalization(input, LayerNormalizationOptions { scale, bias, axes, epsilon: 1e-12 })
}

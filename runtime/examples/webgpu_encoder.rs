//! Times a transformer encoder of random weights on WebGPU: compile, first run, steady runs, and where the time goes.
//!
//! `cargo run --release -p ipfs-accelerate-runtime --example webgpu_encoder -- [layers] [sequence] [runs] [batch]`

use std::collections::BTreeMap;
use std::time::Instant;

use ipfs_accelerate_runtime::backends::webgpu::{AdapterChoice, Device};
use ipfs_accelerate_runtime::ops::gather::GatherOptions;
use ipfs_accelerate_runtime::ops::layer_normalization::LayerNormalizationOptions;
use ipfs_accelerate_runtime::ops::transpose::TransposeOptions;
use ipfs_accelerate_runtime::optimize::{PackedConstant, optimize};
use ipfs_accelerate_runtime::{DataType, Graph, GraphBuilder, GraphError, Operand, OperandDescriptor, Result, Tensor};

const HIDDEN: usize = 768;
const HEADS: usize = 12;
const WORDS: usize = 30522;

struct Encoder {
    builder: GraphBuilder,
    batch: usize,
    sequence: usize,
}

impl Encoder {
    fn weight(&self, name: &str, shape: &[usize]) -> Result<Operand, GraphError> {
        self.builder.weight(name, OperandDescriptor::new(DataType::Float32, shape)?)
    }

    fn linear(&self, input: &Operand, name: &str, inner: usize, columns: usize) -> Result<Operand, GraphError> {
        let weight = self.weight(&format!("{name}.weight"), &[columns, inner])?;
        let product = self.builder.matmul(input, &self.builder.transpose(&weight, TransposeOptions::default())?)?;
        self.builder.add(&product, &self.weight(&format!("{name}.bias"), &[columns])?)
    }

    fn normal(&self, input: &Operand, name: &str) -> Result<Operand, GraphError> {
        let scale = Some(self.weight(&format!("{name}.weight"), &[HIDDEN])?);
        let bias = Some(self.weight(&format!("{name}.bias"), &[HIDDEN])?);
        self.builder.layer_normalization(input, LayerNormalizationOptions { scale, bias, axes: Some(vec![2]), epsilon: 1e-12 })
    }

    fn heads(&self, input: &Operand, permutation: [usize; 4]) -> Result<Operand, GraphError> {
        let split = self.builder.reshape(input, &[self.batch, self.sequence, HEADS, HIDDEN / HEADS])?;
        self.builder.transpose(&split, TransposeOptions { permutation: Some(permutation.to_vec()) })
    }

    fn layer(&self, hidden: &Operand, mask: &Operand, prefix: &str) -> Result<Operand, GraphError> {
        let builder = &self.builder;
        let project = |name: &str| self.linear(hidden, &format!("{prefix}.{name}"), HIDDEN, HIDDEN);
        let (query, key) = (self.heads(&project("query")?, [0, 2, 1, 3])?, self.heads(&project("key")?, [0, 2, 3, 1])?);
        let value = self.heads(&project("value")?, [0, 2, 1, 3])?;
        let scale = builder.scalar(DataType::Float32, ((HIDDEN / HEADS) as f64).powf(-0.5))?;
        let scores = builder.add(&builder.mul(&builder.matmul(&query, &key)?, &scale)?, mask)?;
        let context = builder.matmul(&builder.softmax(&scores, 3)?, &value)?;
        let context = builder.transpose(&context, TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) })?;
        let context = builder.reshape(&context, &[self.batch, self.sequence, HIDDEN])?;
        let attended = self.linear(&context, &format!("{prefix}.output"), HIDDEN, HIDDEN)?;
        let hidden = self.normal(&builder.add(&attended, hidden)?, &format!("{prefix}.norm"))?;
        let wide = builder.gelu(&self.linear(&hidden, &format!("{prefix}.up"), HIDDEN, 4 * HIDDEN)?)?;
        let narrow = self.linear(&wide, &format!("{prefix}.down"), 4 * HIDDEN, HIDDEN)?;
        self.normal(&builder.add(&narrow, &hidden)?, &format!("{prefix}.last"))
    }
}

fn graph(layers: usize, batch: usize, sequence: usize) -> Result<Graph, GraphError> {
    let encoder = Encoder { builder: GraphBuilder::new(), batch, sequence };
    let builder = &encoder.builder;
    let ids = builder.input("ids", OperandDescriptor::new(DataType::Int32, [batch, sequence])?)?;
    let attended = builder.input("mask", OperandDescriptor::new(DataType::Int32, [batch, sequence])?)?;
    let words = builder.gather(&encoder.weight("words", &[WORDS, HIDDEN])?, &ids, GatherOptions::default())?;
    let positions = builder.gather(&encoder.weight("positions", &[512, HIDDEN])?, &builder.range(sequence)?, GatherOptions::default())?;
    let mut hidden = encoder.normal(&builder.add(&words, &positions)?, "norm")?;
    let zero = builder.scalar(DataType::Int32, 0.0)?;
    let unseen = builder.cast(&builder.equal(&attended, &zero)?, DataType::Float32)?;
    let mask = builder.mul(&unseen, &builder.scalar(DataType::Float32, f64::from(f32::MIN))?)?;
    let mask = builder.reshape(&mask, &[batch, 1, 1, sequence])?;
    for layer in 0..layers {
        hidden = builder.scope(format!("layer.{layer}"), || encoder.layer(&hidden, &mask, &format!("layer.{layer}")))?;
    }
    builder.output("hidden", &hidden)?;
    encoder.builder.build()
}

/// Uniform numbers by the name, of the spread that keeps activations near 1.
fn random(constant: &PackedConstant) -> Result<Tensor> {
    let mut tensor = Tensor::zeros(constant.descriptor.clone());
    let mut state = constant.key.bytes().fold(2166136261u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16777619)) | 1;
    for number in tensor.as_mut_slice::<f32>()? {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *number = (state as f32 / u32::MAX as f32 - 0.5) * 0.07;
    }
    Ok(tensor)
}

/// Processor time of this process so far, where Linux tells: on a busy machine it says more than the clock.
fn processor_ms() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) * 10.0)
}

async fn run() -> Result<()> {
    let argument = |index: usize, default: usize| std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (layers, sequence, runs, batch) = (argument(1, 12), argument(2, 128), argument(3, 5), argument(4, 1));
    let program = optimize(&graph(layers, batch, sequence)?);
    if std::env::var_os("PRINT").is_some() {
        print!("{program}");
    }
    let milliseconds = |since: Instant| since.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let device = Device::open(&AdapterChoice::default()).await?;
    println!("{}: opened in {:.0} ms", device.description(), milliseconds(start));
    let start = Instant::now();
    let mut compiled = device.compile(&program, &mut random).await?;
    let report = compiled.details();
    println!(
        "compiled in {:.0} ms: {} dispatches, {} pipelines, {:.1} MB arena, {:.1} MB weights, allocated {:?}",
        milliseconds(start),
        report.dispatches,
        report.pipelines,
        report.arena_bytes as f64 / 1e6,
        report.weight_bytes as f64 / 1e6,
        report.allocated_bytes
    );
    let ids: Vec<i32> = (0..batch * sequence).map(|i| (i * 7919 % WORDS) as i32).collect();
    let (ids, mask) = (Tensor::from_slice(&[batch, sequence], &ids)?, Tensor::from_slice(&[batch, sequence], &vec![1; batch * sequence])?);
    let (mut times, mut started, mut second) = (Vec::new(), None, None);
    for index in 0..runs + 1 {
        let start = Instant::now();
        let outputs = compiled.run(&[("ids", &ids), ("mask", &mask)]).await?;
        let time = milliseconds(start);
        if index == 0 {
            let hidden = outputs[0].1.as_slice::<f32>()?;
            println!(
                "first run {time:.0} ms; hidden[0] = {}, sum of squares {}",
                hidden[0],
                hidden.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()
            );
        } else {
            times.push(time);
        }
        match index {
            0 => started = processor_ms(),
            1 => second = compiled.details().allocated_bytes,
            _ => {}
        }
    }
    times.sort_by(f64::total_cmp);
    let processor = processor_ms().zip(started).map(|(end, start)| (end - start) / runs as f64);
    println!("{runs} runs: best {:.1} ms, median {:.1} ms, processor time {processor:.0?} ms each", times[0], times[times.len() / 2]);
    println!("allocated after run 2: {second:?}, after run {}: {:?}", runs + 1, compiled.details().allocated_bytes);
    if let Some(profile) = compiled.profile().await? {
        let mut groups: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        for (label, time) in profile {
            let kind = label.split(|c: char| c.is_ascii_digit()).collect::<Vec<_>>().join("*");
            let group = groups.entry(kind).or_default();
            *group = (group.0 + 1, group.1 + time);
        }
        groups.iter().for_each(|(kind, (count, time))| println!("{time:9.2} ms in {count:3} × {kind}"));
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    match pollster::block_on(run()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

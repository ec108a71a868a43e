//! Tensors that stay on the device: the state of a decoder, what one graph gives and another takes.

use ipfs_accelerate_runtime::bindings::Bindings;
use ipfs_accelerate_runtime::ops::options::ReduceSumOptions;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions, Session};
use ipfs_accelerate_runtime::weights::Fit;
use ipfs_accelerate_runtime::{DataType, Error, Graph, GraphBuilder, OperandDescriptor, Tensor};

const ROWS: usize = 5;
const COLUMNS: usize = 3;

fn float32(shape: &[usize]) -> OperandDescriptor {
    OperandDescriptor::new(DataType::Float32, shape).unwrap()
}

/// Row `index` of `past` becomes `row`: `present`; the sum of its rows: `sum`.
fn step() -> Graph {
    let b = GraphBuilder::new();
    let past = b.input("past", float32(&[ROWS, COLUMNS])).unwrap();
    let row = b.input("row", float32(&[1, COLUMNS])).unwrap();
    let index = b.input("index", OperandDescriptor::new(DataType::Int32, [1, 1]).unwrap()).unwrap();
    let rows = b.reshape(&b.range(ROWS).unwrap(), &[ROWS, 1]).unwrap();
    let rows = b.cast(&rows, DataType::Int32).unwrap();
    let present = b.where_(&b.equal(&rows, &index).unwrap(), &row, &past).unwrap();
    let sum = b.reduce_sum(&present, ReduceSumOptions { axes: Some(vec![0]), ..Default::default() }).unwrap();
    b.output("present", &present).unwrap();
    b.output("sum", &sum).unwrap();
    b.build().unwrap()
}

/// `twice = 2 · x`
fn twice() -> Graph {
    let b = GraphBuilder::new();
    let x = b.input("x", float32(&[ROWS, COLUMNS])).unwrap();
    b.output("twice", &b.add(&x, &x).unwrap()).unwrap();
    b.build().unwrap()
}

fn row(index: usize) -> [f32; COLUMNS] {
    [index as f32, 10.0 * index as f32, -1.0]
}

async fn write(session: &mut Session, index: usize) -> Vec<(String, Tensor)> {
    let at = Tensor::from_slice(&[1, 1], &[index as i32 % ROWS as i32]).unwrap();
    let inputs = [("index", at), ("row", Tensor::from_slice(&[1, COLUMNS], &row(index)).unwrap())];
    session.run(&inputs).await.unwrap()
}

/// A state over many runs, seen by a second session, read, and replaced from outside.
async fn state(device: &Device) {
    let state = device.tensor(&Tensor::zeros(float32(&[ROWS, COLUMNS]))).await.unwrap();
    let bindings = Bindings::new().state("past", "present", &state);
    let mut step = device.compile_bound(&step(), &Fit::default(), &bindings).await.unwrap();
    let mut twice = device.compile_bound(&twice(), &Fit::default(), &Bindings::new().input("x", &state)).await.unwrap();
    let mut expected = [[0f32; COLUMNS]; ROWS];
    let mut bytes = Vec::new();
    for index in 0..100 {
        expected[index % ROWS] = row(index);
        let outputs = write(&mut step, index).await;
        let names: Vec<_> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sum"], "what is bound is not read back");
        let sums: Vec<f32> = (0..COLUMNS).map(|column| expected.iter().map(|row| row[column]).sum()).collect();
        assert_eq!(outputs[0].1.as_slice::<f32>().unwrap(), sums, "run {index}");
        let doubled = twice.run(&[]).await.unwrap();
        let truth: Vec<f32> = expected.as_flattened().iter().map(|x| 2.0 * x).collect();
        assert_eq!(doubled[0].1.as_slice::<f32>().unwrap(), truth, "run {index}");
        bytes.push(step.report().allocated_bytes);
    }
    assert_eq!(state.read().await.unwrap().as_slice::<f32>().unwrap(), expected.as_flattened());
    assert!(bytes[2..].iter().all(|now| *now == bytes[2]), "{bytes:?}");
    state.write(&Tensor::zeros(float32(&[ROWS, COLUMNS]))).unwrap();
    let outputs = write(&mut step, 1).await;
    assert_eq!(outputs[0].1.as_slice::<f32>().unwrap(), row(1), "the contents were replaced");
}

/// The output of one graph is the input of another, without a way through the host.
async fn passed_on(device: &Device) {
    let between = device.tensor(&Tensor::zeros(float32(&[ROWS, COLUMNS]))).await.unwrap();
    let mut first = device.compile_bound(&twice(), &Fit::default(), &Bindings::new().output("twice", &between)).await.unwrap();
    let mut second = device.compile_bound(&twice(), &Fit::default(), &Bindings::new().input("x", &between)).await.unwrap();
    for start in [1f32, 7.0] {
        let numbers: Vec<f32> = (0..ROWS * COLUMNS).map(|index| start + index as f32).collect();
        let given = first.run(&[("x", Tensor::from_slice(&[ROWS, COLUMNS], &numbers).unwrap())]).await.unwrap();
        assert!(given.is_empty());
        let outputs = second.run(&[]).await.unwrap();
        let truth: Vec<f32> = numbers.iter().map(|x| 4.0 * x).collect();
        assert_eq!(outputs[0].1.as_slice::<f32>().unwrap(), truth);
    }
}

/// Bindings that do not fit are refused by name.
async fn refused(device: &Device, other: &Device) {
    let tensor = device.tensor(&Tensor::zeros(float32(&[ROWS, COLUMNS]))).await.unwrap();
    let small = device.tensor(&Tensor::zeros(float32(&[1, COLUMNS]))).await.unwrap();
    let foreign = other.tensor(&Tensor::zeros(float32(&[ROWS, COLUMNS]))).await.unwrap();
    let error = async |bindings: Bindings| match device.compile_bound(&step(), &Fit::default(), &bindings).await {
        Err(error) => error,
        Ok(_) => panic!("{bindings:?} was taken"),
    };
    let bindings = Bindings::new;
    assert!(matches!(error(bindings().input("pasta", &tensor)).await, Error::UnknownBinding { name, .. } if name == "pasta"));
    assert!(matches!(error(bindings().output("past", &tensor)).await, Error::UnknownBinding { kind, .. } if kind == "output"));
    assert!(matches!(error(bindings().input("past", &small)).await, Error::InputMismatch { name, .. } if name == "past"));
    assert!(matches!(error(bindings().input("past", &tensor).input("past", &tensor)).await, Error::BoundTwice { .. }));
    assert!(matches!(error(bindings().input("past", &foreign)).await, Error::ForeignTensor { name } if name == "past"));
    assert!(matches!(tensor.write(&Tensor::zeros(float32(&[1]))), Err(Error::InputMismatch { .. })));
    let mut step = device.compile_bound(&step(), &Fit::default(), &bindings().input("past", &tensor)).await.unwrap();
    let given = [("past", Tensor::zeros(float32(&[ROWS, COLUMNS])))];
    assert!(matches!(step.run(&given).await, Err(Error::UnknownInput { known, .. }) if known == ["row", "index"]));
}

async fn open(platform: Platform) -> Option<Device> {
    match Device::open(platform, &DeviceOptions::default()).await {
        Ok(device) => Some(device),
        Err(Error::Unavailable { reason, .. }) => {
            println!("skipped: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn all(platform: Platform, other: Platform) {
    pollster::block_on(async {
        let (Some(device), Some(other)) = (open(platform).await, open(other).await) else { return };
        state(&device).await;
        passed_on(&device).await;
        refused(&device, &other).await;
    });
}

#[test]
fn tensors_stay_on_the_cpu() {
    all(Platform::Cpu, Platform::WebGpu);
}

#[test]
fn tensors_stay_on_webgpu() {
    all(Platform::WebGpu, Platform::Cpu);
}

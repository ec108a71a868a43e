//! Cases with data: build the graph, compute it, compare within the case's tolerance.

use std::collections::HashMap;

use half::f16;
use ipfs_accelerate_runtime::backends::cpu::{Device, run_reference};
use ipfs_accelerate_runtime::optimize::{PackedConstant, optimize};
use ipfs_accelerate_runtime::{DataType, Error, Graph, GraphBuilder, Operand, OperandDescriptor, Tensor};
use serde_json::Value;

use super::Outcome;
use super::case::{call, descriptor, files, number, operator};

#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Reference,
    Cpu,
}

pub(crate) fn run(engine: Engine) -> Vec<(String, String, Outcome)> {
    let device = Device::new(Some(2)).unwrap();
    let mut outcomes = Vec::new();
    for (file, cases) in files("webnn") {
        for case in cases {
            let outcome = match run_case(&case, engine, &device) {
                Ok(()) => Outcome::Passed,
                Err(Stop::Unsupported(reason)) => Outcome::Unsupported(reason),
                Err(Stop::Failed(reason)) => Outcome::Failed(reason),
            };
            outcomes.push((file.clone(), case["name"].as_str().unwrap().to_owned(), outcome));
        }
    }
    outcomes
}

pub(crate) enum Stop {
    Unsupported(String),
    Failed(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Stop::Failed(reason)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Unsupported { reason, .. } => Stop::Unsupported(reason),
            error => Stop::Failed(error.to_string()),
        }
    }
}

fn run_case(case: &Value, engine: Engine, device: &Device) -> Result<(), Stop> {
    let (graph, inputs) = build(&case["graph"])?;
    let found = match engine {
        Engine::Reference => run_reference(&graph, |name| Ok(inputs[name].clone()))?,
        Engine::Cpu => {
            let mut compiled = device.compile(&optimize(&graph), &mut |constant: &PackedConstant| pack(constant))?;
            let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
            compiled.run(&inputs)?
        }
    };
    let expected = case["graph"]["expectedOutputs"].as_object().unwrap();
    assert_eq!(found.len(), expected.len());
    for (name, json) in expected {
        let (_, tensor) = found.iter().find(|(known, _)| known == name).ok_or_else(|| format!("no output `{name}`"))?;
        let expected = tensor_of(json)?;
        if tensor.descriptor() != expected.descriptor() {
            return Err(format!("`{name}` is {}, expected {}", tensor.descriptor(), expected.descriptor()).into());
        }
        compare(&expected, tensor, &case["tolerance"])?;
    }
    Ok(())
}

/// A constant of a graph without weights.
fn pack(constant: &PackedConstant) -> Result<Tensor, Error> {
    use ipfs_accelerate_runtime::optimize::Part;
    let bytes: Vec<u8> = constant
        .parts
        .iter()
        .flat_map(|part| match part {
            Part::Bytes { bytes, .. } => bytes.to_vec(),
            Part::Zeros { descriptor } => vec![0; descriptor.byte_length()],
            Part::Weight { name, .. } => panic!("weight {name}"),
        })
        .collect();
    Tensor::new(constant.descriptor.clone(), &bytes)
}

pub(crate) fn build(graph: &Value) -> Result<(Graph, HashMap<String, Tensor>), Stop> {
    let builder = GraphBuilder::new();
    let mut operands: HashMap<String, Operand> = HashMap::new();
    let mut inputs = HashMap::new();
    for (name, json) in graph["inputs"].as_object().into_iter().flatten() {
        let tensor = tensor_of(json)?;
        let operand = if json["constant"] == true {
            builder.constant(tensor.descriptor().clone(), tensor.bytes())
        } else {
            inputs.insert(name.clone(), tensor.clone());
            builder.input(name, tensor.descriptor().clone())
        };
        operands.insert(name.clone(), operand.map_err(|error| error.to_string())?);
    }
    for step in graph["operators"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        let operator = operator(name).ok_or_else(|| Stop::Unsupported(format!("no operator `{name}`")))?;
        let mut positional = Vec::new();
        let mut options = None;
        for argument in step["arguments"].as_array().unwrap() {
            let (key, value) = argument.as_object().unwrap().iter().next().unwrap();
            if key == "options" { options = Some(value) } else { positional.push(value.clone()) }
        }
        let known = &operands;
        let mut find = |json: &Value| json.as_str().and_then(|name| known.get(name)).cloned().ok_or_else(|| format!("no operand {json}"));
        let outputs = call(&builder, operator, &positional, options, &mut find)?;
        let names: Vec<&str> = match &step["outputs"] {
            Value::String(name) => vec![name],
            names => names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect(),
        };
        operands.extend(names.into_iter().map(str::to_owned).zip(outputs));
    }
    for name in graph["expectedOutputs"].as_object().unwrap().keys() {
        let operand = operands.get(name).ok_or_else(|| format!("no operand `{name}`"))?;
        builder.output(name, operand).map_err(|error| error.to_string())?;
    }
    let graph = builder.build().map_err(|error| error.to_string())?;
    Ok((graph, inputs))
}

pub(crate) fn tensor_of(json: &Value) -> Result<Tensor, Stop> {
    let descriptor: OperandDescriptor = descriptor(&json["descriptor"])?;
    let count = descriptor.element_count();
    let data: Vec<&Value> = json["data"].as_array().unwrap().iter().collect();
    let elements = if json["fill"] == true { vec![data[0]; count] } else { data };
    let float = |json: &Value| number(json).unwrap();
    let integer = |json: &Value| json.as_i64().map(i128::from).or(json.as_u64().map(i128::from)).unwrap_or_else(|| float(json) as i128);
    macro_rules! bytes {
        ($element:expr) => {
            elements.iter().flat_map(|json| $element(json).to_le_bytes()).collect()
        };
    }
    let bytes: Vec<u8> = match descriptor.data_type {
        DataType::Float32 => bytes!(|json| float(json) as f32),
        DataType::Float16 => bytes!(|json| f16::from_f64(float(json))),
        DataType::Int32 => bytes!(|json| integer(json) as i32),
        DataType::Uint32 => bytes!(|json| integer(json) as u32),
        DataType::Int64 => bytes!(|json| integer(json) as i64),
        DataType::Uint64 => bytes!(|json| integer(json) as u64),
        DataType::Int8 => bytes!(|json| integer(json) as i8),
        DataType::Uint8 => bytes!(|json| integer(json) as u8),
        DataType::Int4 | DataType::Uint4 => return Err(Stop::Unsupported(descriptor.data_type.to_string())),
    };
    Ok(Tensor::new(descriptor, &bytes)?)
}

pub(crate) fn compare(expected: &Tensor, found: &Tensor, tolerance: &Value) -> Result<(), Stop> {
    let ulp = tolerance["metric"] == "ULP";
    let limit = number(&tolerance["value"]).unwrap();
    // Sign-magnitude keys: neighbouring floats differ by 1, and both zeros are one.
    let key = |bits: u32| if bits >> 31 == 1 { -i64::from(bits & 0x7fff_ffff) } else { i64::from(bits) };
    let distance = |index: usize| -> (f64, f64, f64) {
        macro_rules! integer {
            ($type:ty) => {{
                let (a, b) = (expected.as_slice::<$type>().unwrap()[index], found.as_slice::<$type>().unwrap()[index]);
                (a as f64, b as f64, (a as i128 - b as i128).unsigned_abs() as f64)
            }};
        }
        match expected.data_type() {
            DataType::Float32 => {
                let (a, b) = (expected.as_slice::<f32>().unwrap()[index], found.as_slice::<f32>().unwrap()[index]);
                let distance = if ulp { (key(a.to_bits()) - key(b.to_bits())).abs() as f64 } else { f64::from(a - b).abs() };
                (a.into(), b.into(), if a == b || a.is_nan() && b.is_nan() { 0.0 } else { distance })
            }
            DataType::Float16 => {
                let (a, b) = (expected.as_slice::<f16>().unwrap()[index], found.as_slice::<f16>().unwrap()[index]);
                let distance = if ulp { f64::from(a.to_bits().abs_diff(b.to_bits())) } else { (a.to_f64() - b.to_f64()).abs() };
                (a.into(), b.into(), if a == b || a.is_nan() && b.is_nan() { 0.0 } else { distance })
            }
            DataType::Int32 => integer!(i32),
            DataType::Uint32 => integer!(u32),
            DataType::Int64 => integer!(i64),
            DataType::Uint64 => integer!(u64),
            DataType::Int8 => integer!(i8),
            _ => integer!(u8),
        }
    };
    for index in 0..expected.descriptor().element_count() {
        let (a, b, distance) = distance(index);
        if distance > limit || distance.is_nan() {
            return Err(format!("element {index}: expected {a}, found {b}, {distance} apart, at most {limit}").into());
        }
    }
    Ok(())
}

//! Cases with data: build the graph, compare what came of it within the case's tolerance.

use std::collections::{BTreeSet, HashMap};

use half::f16;
use ipfs_accelerate_runtime::{DataType, Error, Graph, GraphBuilder, Operand, OperandDescriptor, Tensor};
use serde_json::Value;

use super::case::{call, descriptor, list, number, operator, text};

/// Why a case did not pass.
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

/// The graph of a case, and its inputs by name.
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
    for step in list(&graph["operators"], "operators")? {
        let name = text(&step["name"], "an operator's name")?;
        let operator = operator(name).ok_or_else(|| Stop::Unsupported(format!("no operator `{name}`")))?;
        let mut positional = Vec::new();
        let mut options = None;
        for argument in list(&step["arguments"], "arguments")? {
            let (key, value) =
                argument.as_object().and_then(|object| object.iter().next()).ok_or_else(|| format!("{argument} is no argument"))?;
            if key == "options" { options = Some(value) } else { positional.push(value.clone()) }
        }
        let known = &operands;
        let mut find = |json: &Value| json.as_str().and_then(|name| known.get(name)).cloned().ok_or_else(|| format!("no operand {json}"));
        let outputs = call(&builder, operator, &positional, options, &mut find)?;
        let names: Vec<&str> = match &step["outputs"] {
            Value::String(name) => vec![name],
            names => list(names, "outputs")?.iter().map(|name| text(name, "an output")).collect::<Result<_, _>>()?,
        };
        operands.extend(names.into_iter().map(str::to_owned).zip(outputs));
    }
    for name in expected(graph)?.keys() {
        let operand = operands.get(name).ok_or_else(|| format!("no operand `{name}`"))?;
        builder.output(name, operand).map_err(|error| error.to_string())?;
    }
    let graph = builder.build().map_err(|error| error.to_string())?;
    Ok((graph, inputs))
}

fn expected(graph: &Value) -> Result<&serde_json::Map<String, Value>, String> {
    graph["expectedOutputs"].as_object().ok_or_else(|| String::from("a case has no expectedOutputs"))
}

/// Holds what was computed against what a case expects.
pub(crate) fn check(case: &Value, found: &[(String, Tensor)]) -> Result<(), Stop> {
    let expected = expected(&case["graph"])?;
    if found.len() != expected.len() {
        return Err(format!("{} outputs, expected {}", found.len(), expected.len()).into());
    }
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

/// The types of a case's inputs and outputs.
pub(crate) fn data_types(case: &Value) -> BTreeSet<DataType> {
    let graph = &case["graph"];
    let tensors = [&graph["inputs"], &graph["expectedOutputs"]].into_iter().filter_map(Value::as_object).flat_map(|object| object.values());
    tensors.filter_map(|json| DataType::from_name(json["descriptor"]["dataType"].as_str()?)).collect()
}

/// A tensor of the suite. Two 4-bit elements are a byte, the first in its low bits.
pub(crate) fn tensor_of(json: &Value) -> Result<Tensor, Stop> {
    let descriptor: OperandDescriptor = descriptor(&json["descriptor"])?;
    let count = descriptor.element_count();
    let data = list(&json["data"], "data")?;
    let one = data.first().filter(|_| json["fill"] == true);
    if one.is_none() && data.len() != count {
        return Err(format!("{descriptor} takes {count} elements, found {}", data.len()).into());
    }
    // Of millions of like elements one is read.
    let (read, repeats) = if one.is_some() && descriptor.data_type.bits() >= 8 { (1, count) } else { (count, 1) };
    let elements = (0..read).map(|index| one.unwrap_or_else(|| &data[index]));
    let float = |json: &Value| number(json).ok_or_else(|| format!("{json} is no number"));
    let integer = |json: &Value| -> Result<i128, String> {
        json.as_i64().map(i128::from).or(json.as_u64().map(i128::from)).map_or_else(|| Ok(float(json)? as i128), Ok)
    };
    macro_rules! bytes {
        ($json:ident => $element:expr) => {{
            let mut bytes = Vec::new();
            for $json in elements {
                bytes.extend($element.to_le_bytes());
            }
            bytes
        }};
    }
    let bytes: Vec<u8> = match descriptor.data_type {
        DataType::Float32 => bytes!(json => (float(json)? as f32)),
        DataType::Float16 => bytes!(json => f16::from_f64(float(json)?)),
        DataType::Int32 => bytes!(json => (integer(json)? as i32)),
        DataType::Uint32 => bytes!(json => (integer(json)? as u32)),
        DataType::Int64 => bytes!(json => (integer(json)? as i64)),
        DataType::Uint64 => bytes!(json => (integer(json)? as u64)),
        DataType::Int8 => bytes!(json => (integer(json)? as i8)),
        DataType::Uint8 => bytes!(json => (integer(json)? as u8)),
        DataType::Int4 | DataType::Uint4 => {
            let nibbles = elements.map(|json| Ok(integer(json)? as u8 & 15)).collect::<Result<Vec<u8>, String>>()?;
            nibbles.chunks(2).map(|pair| pair[0] | pair.get(1).map_or(0, |high| high << 4)).collect()
        }
    };
    Ok(Tensor::new(descriptor, &bytes.repeat(repeats))?)
}

/// Holds a tensor against another of the same type and shape.
pub(crate) fn compare(expected: &Tensor, found: &Tensor, tolerance: &Value) -> Result<(), Stop> {
    let ulp = tolerance["metric"] == "ULP";
    let limit = number(&tolerance["value"]).ok_or_else(|| format!("{tolerance} is no tolerance"))?;
    // Sign-magnitude keys: neighbouring floats differ by 1, and both zeros are one.
    let key = |bits: u32| if bits >> 31 == 1 { -i64::from(bits & 0x7fff_ffff) } else { i64::from(bits) };
    let distance = |index: usize| -> Result<(f64, f64, f64), Error> {
        macro_rules! integer {
            ($type:ty) => {{
                let (a, b) = (expected.as_slice::<$type>()?[index], found.as_slice::<$type>()?[index]);
                Ok((a as f64, b as f64, (a as i128 - b as i128).unsigned_abs() as f64))
            }};
        }
        match expected.data_type() {
            DataType::Float32 => {
                let (a, b) = (expected.as_slice::<f32>()?[index], found.as_slice::<f32>()?[index]);
                let distance = if ulp { (key(a.to_bits()) - key(b.to_bits())).abs() as f64 } else { f64::from(a - b).abs() };
                Ok((a.into(), b.into(), if a == b || a.is_nan() && b.is_nan() { 0.0 } else { distance }))
            }
            DataType::Float16 => {
                let (a, b) = (expected.as_slice::<f16>()?[index], found.as_slice::<f16>()?[index]);
                let distance = if ulp { f64::from(a.to_bits().abs_diff(b.to_bits())) } else { (a.to_f64() - b.to_f64()).abs() };
                Ok((a.into(), b.into(), if a == b || a.is_nan() && b.is_nan() { 0.0 } else { distance }))
            }
            DataType::Int32 => integer!(i32),
            DataType::Uint32 => integer!(u32),
            DataType::Int64 => integer!(i64),
            DataType::Uint64 => integer!(u64),
            DataType::Int8 => integer!(i8),
            DataType::Uint8 => integer!(u8),
            DataType::Int4 | DataType::Uint4 => {
                let signed = expected.data_type() == DataType::Int4;
                let element = |tensor: &Tensor| {
                    let nibble = tensor.bytes()[index / 2] >> (4 * (index % 2)) & 15;
                    f64::from(nibble) - if signed && nibble > 7 { 16.0 } else { 0.0 }
                };
                let (a, b) = (element(expected), element(found));
                Ok((a, b, (a - b).abs()))
            }
        }
    };
    if expected.bytes() == found.bytes() {
        return Ok(());
    }
    for index in 0..expected.descriptor().element_count() {
        let (a, b, distance) = distance(index)?;
        if distance > limit || distance.is_nan() {
            return Err(format!("element {index}: expected {a}, found {b}, {distance} apart, at most {limit}").into());
        }
    }
    Ok(())
}

//! Cases without data: what a builder must accept, with the descriptors it must infer, and what it must refuse.

use std::cell::Cell;

use ipfs_accelerate_runtime::graph::Number;
use ipfs_accelerate_runtime::{DataType, GraphBuilder, Operand};
use serde_json::Value;

use super::Outcome;
use super::case::{call, descriptor, list, number, operator, text};

/// What a builder must do, and does. An error is a file that is not as documented.
pub(crate) fn run_case(case: &Value) -> Result<Outcome, String> {
    let (name, arguments) = (text(&case["op"], "op")?, list(&case["args"], "args")?);
    let builder = GraphBuilder::new();
    let mut label = "";
    let result = match name {
        "input" => input(&builder, arguments),
        "constant" => constant(&builder, arguments),
        _ => {
            let Some(operator) = operator(name) else { return Ok(Outcome::Unsupported(format!("no operator `{name}`"))) };
            let inputs = Cell::new(0);
            let mut operand = |json: &Value| -> Result<Operand, String> {
                let descriptor = descriptor(json.get("operand").ok_or_else(|| format!("{json} is no operand"))?)?;
                inputs.set(inputs.get() + 1);
                builder.input(&format!("input {}", inputs.get()), descriptor).map_err(|error| error.to_string())
            };
            let required = operator.parameters.iter().filter(|parameter| parameter.is_required()).count();
            let (positional, rest) = arguments.split_at(required.min(arguments.len()));
            label = rest.first().and_then(|options| options["label"].as_str()).unwrap_or("");
            builder.scope(label, || call(&builder, operator, positional, rest.first(), &mut operand))
        }
    };
    Ok(match (text(&case["expect"], "expect")?, result) {
        ("accept", Ok(outputs)) => {
            let expected = case["outputs"].as_array().into_iter().flatten().map(descriptor).collect::<Result<Vec<_>, _>>()?;
            let found: Vec<_> = outputs.iter().map(|output| output.descriptor().clone()).collect();
            if expected.is_empty() || expected == found {
                Outcome::Passed
            } else {
                Outcome::Failed(format!("inferred {found:?}, expected {expected:?}"))
            }
        }
        ("accept", Err(reason)) => Outcome::Failed(format!("refused: {reason}")),
        (_, Ok(outputs)) => {
            Outcome::Failed(format!("accepted: {:?}", outputs.iter().map(|output| output.descriptor().to_string()).collect::<Vec<_>>()))
        }
        (_, Err(reason)) if case["labelInMessage"] == true && !reason.contains(label) => {
            Outcome::Failed(format!("the message lacks the label `{label}`: {reason}"))
        }
        _ => Outcome::Passed,
    })
}

/// `input(name, descriptor)`
fn input(builder: &GraphBuilder, arguments: &[Value]) -> Result<Vec<Operand>, String> {
    let [name, json] = arguments else { return Err(String::from("input takes a name and a descriptor")) };
    Ok(vec![builder.input(text(name, "name")?, descriptor(json)?).map_err(|error| error.to_string())?])
}

/// `constant(descriptor, buffer)` or `constant(dataType, value)`
fn constant(builder: &GraphBuilder, arguments: &[Value]) -> Result<Vec<Operand>, String> {
    let [first, second] = arguments else { return Err(String::from("constant takes two arguments")) };
    let made = match first.as_str() {
        Some(name) => {
            let data_type = DataType::from_name(name).ok_or("an unknown data type")?;
            let value = match second["bigint"].as_str() {
                Some(digits) => Number::Int(digits.parse().map_err(|_| format!("{digits} is no whole number"))?),
                None => Number::Float(number(second).ok_or_else(|| format!("{second} is no number"))?),
            };
            builder.scalar(data_type, value)
        }
        None => {
            let descriptor = descriptor(first)?;
            let buffer = text(&second["buffer"], "buffer")?;
            if !fits(buffer, descriptor.data_type) {
                // Here a typed slice brings its own data type: what cannot be written is refused.
                return Err(format!("a {buffer} of {}", descriptor.data_type));
            }
            builder.constant(descriptor, vec![0; second["bytes"].as_u64().unwrap_or(0) as usize])
        }
    };
    Ok(vec![made.map_err(|error| error.to_string())?])
}

/// True where JavaScript's buffer may hold elements of a type: bytes may hold all.
fn fits(buffer: &str, data_type: DataType) -> bool {
    let of = match data_type {
        DataType::Float32 => "Float32Array",
        DataType::Float16 => "Uint16Array",
        DataType::Int32 => "Int32Array",
        DataType::Uint32 => "Uint32Array",
        DataType::Int64 => "BigInt64Array",
        DataType::Uint64 => "BigUint64Array",
        DataType::Int8 => "Int8Array",
        DataType::Uint8 | DataType::Int4 | DataType::Uint4 => "Uint8Array",
    };
    ["ArrayBuffer", "SharedArrayBuffer", "Uint8Array", of].contains(&buffer) || (data_type == DataType::Float16 && buffer == "Float16Array")
}

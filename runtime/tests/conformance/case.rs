//! What vectors and validation cases share: JSON into operands, options and calls.

use ipfs_accelerate_runtime::graph::{Argument, GraphBuilder, Kind, OPERATORS, Operator};
use ipfs_accelerate_runtime::{DataType, Operand, OperandDescriptor};
use serde_json::Value;

/// The files of a folder: operator's WebNN name and cases.
pub(crate) fn files(folder: &str) -> Vec<(String, Vec<Value>)> {
    let path = super::folder(folder);
    let mut files: Vec<_> =
        std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let cases =
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_string_lossy().into_owned(), cases)
        })
        .collect()
}

pub(crate) fn operator(webnn: &str) -> Option<&'static Operator> {
    OPERATORS.iter().copied().find(|operator| operator.webnn == webnn)
}

pub(crate) fn descriptor(json: &Value) -> Result<OperandDescriptor, String> {
    let data_type = DataType::from_name(json["dataType"].as_str().unwrap()).ok_or("an unknown data type")?;
    let shape: Vec<usize> = json["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
    OperandDescriptor::new(data_type, shape).map_err(|error| error.to_string())
}

/// `keepDimensions` as `keep_dimensions`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    if snake == "type" { String::from("data_type") } else { snake }
}

/// A number of the suite: `NaN` and the infinities are texts.
pub(crate) fn number(json: &Value) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => json.as_f64(),
    }
}

/// One argument, in the kind that the parameter has. `operand` finds operands.
pub(crate) fn argument(kind: Kind, json: &Value, operand: &mut dyn FnMut(&Value) -> Result<Operand, String>) -> Result<Argument, String> {
    let wrong = || format!("{json} is not {}", kind.name());
    let whole = |json: &Value| json.as_u64().map(|number| number as usize);
    Ok(match kind {
        Kind::Operand => Argument::Operand(operand(json)?),
        Kind::Operands => Argument::Operands(json.as_array().ok_or_else(wrong)?.iter().map(operand).collect::<Result<_, _>>()?),
        Kind::Int => Argument::Int(whole(json).ok_or_else(wrong)?),
        Kind::Ints => Argument::Ints(json.as_array().and_then(|list| list.iter().map(whole).collect()).ok_or_else(wrong)?),
        Kind::Float => Argument::Float(number(json).ok_or_else(wrong)?),
        Kind::Floats => Argument::Floats(json.as_array().and_then(|list| list.iter().map(number).collect()).ok_or_else(wrong)?),
        Kind::Texts => Argument::Texts(
            json.as_array().and_then(|list| list.iter().map(|text| Some(text.as_str()?.to_owned())).collect()).ok_or_else(wrong)?,
        ),
        Kind::Bool => Argument::Bool(json.as_bool().ok_or_else(wrong)?),
        Kind::Text => Argument::Text(json.as_str().ok_or_else(wrong)?.to_owned()),
        Kind::DataType => Argument::DataType(json.as_str().and_then(DataType::from_name).ok_or_else(wrong)?),
    })
}

/// Calls an operator with positional arguments and an object of options.
pub(crate) fn call(
    builder: &GraphBuilder,
    operator: &'static Operator,
    positional: &[Value],
    options: Option<&Value>,
    operand: &mut dyn FnMut(&Value) -> Result<Operand, String>,
) -> Result<Vec<Operand>, String> {
    let mut arguments = Vec::new();
    for (parameter, json) in operator.parameters.iter().zip(positional) {
        arguments.push(match (parameter.name, json.as_u64(), arguments.first()) {
            // WebNN also takes a count of equal parts.
            ("splits", Some(count), Some(Argument::Operand(input))) => {
                let axis = options.and_then(|options| options["axis"].as_u64()).unwrap_or(0) as usize;
                let part = Operand::shape(input).get(axis).map_or(0, |size| size / count.max(1) as usize);
                Argument::Ints(vec![part; count as usize])
            }
            _ => argument(parameter.kind, json, operand)?,
        });
    }
    let mut named = Vec::new();
    for (name, json) in options.and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| *name != "label") {
        let name = snake(name);
        let (_, parameter) = operator.parameter(&name).ok_or_else(|| format!("no option `{name}`"))?;
        named.push((name, argument(parameter.kind, json, operand)?));
    }
    builder.call_by_name(operator.name, arguments, named).map_err(|error| error.to_string())
}

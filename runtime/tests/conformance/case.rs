//! What vectors and validation cases share: JSON into operands, options and calls. Says what is wrong with a file that is not as documented.

use ipfs_accelerate_runtime::graph::{Argument, GraphBuilder, Kind, OPERATORS, Operator};
use ipfs_accelerate_runtime::{DataType, Operand, OperandDescriptor};
use serde_json::Value;

pub(crate) fn operator(webnn: &str) -> Option<&'static Operator> {
    OPERATORS.iter().copied().find(|operator| operator.webnn == webnn)
}

pub(crate) fn text<'a>(json: &'a Value, what: &str) -> Result<&'a str, String> {
    json.as_str().ok_or_else(|| format!("{what} must be a text, found {json}"))
}

pub(crate) fn list<'a>(json: &'a Value, what: &str) -> Result<&'a [Value], String> {
    json.as_array().map(Vec::as_slice).ok_or_else(|| format!("{what} must be a list, found {json}"))
}

pub(crate) fn descriptor(json: &Value) -> Result<OperandDescriptor, String> {
    let data_type = DataType::from_name(text(&json["dataType"], "dataType")?).ok_or("an unknown data type")?;
    let size = |size: &Value| size.as_u64().and_then(|size| usize::try_from(size).ok());
    let shape: Option<Vec<usize>> = list(&json["shape"], "shape")?.iter().map(size).collect();
    OperandDescriptor::new(data_type, shape.ok_or("shape must be a list of sizes")?).map_err(|error| error.to_string())
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
    let each = || json.as_array().ok_or_else(wrong);
    Ok(match kind {
        Kind::Operand => Argument::Operand(operand(json)?),
        Kind::Operands => Argument::Operands(each()?.iter().map(operand).collect::<Result<_, _>>()?),
        Kind::Int => Argument::Int(whole(json).ok_or_else(wrong)?),
        Kind::Ints => Argument::Ints(each()?.iter().map(whole).collect::<Option<_>>().ok_or_else(wrong)?),
        Kind::Float => Argument::Float(number(json).ok_or_else(wrong)?),
        Kind::Floats => Argument::Floats(each()?.iter().map(number).collect::<Option<_>>().ok_or_else(wrong)?),
        Kind::Bool => Argument::Bool(json.as_bool().ok_or_else(wrong)?),
        Kind::Text => Argument::Text(json.as_str().ok_or_else(wrong)?.to_owned()),
        Kind::Texts => {
            Argument::Texts(each()?.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)?)
        }
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
    let label = operator.name;
    let mut arguments = Vec::new();
    for (parameter, json) in operator.parameters.iter().zip(positional) {
        arguments.push(match (parameter.name, json.as_u64(), arguments.first()) {
            // WebNN also takes a count of equal parts.
            ("splits", Some(count), Some(Argument::Operand(input))) => {
                let axis = options.and_then(|options| options["axis"].as_u64()).unwrap_or(0) as usize;
                let part = Operand::shape(input).get(axis).map_or(0, |size| size / count.max(1) as usize);
                Argument::Ints(vec![part; usize::try_from(count).unwrap_or(0).min(1 << 20)])
            }
            _ => argument(parameter.kind, json, operand).map_err(|reason| format!("{label}: {reason}"))?,
        });
    }
    let mut named = Vec::new();
    for (name, json) in options.and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| *name != "label") {
        let name = snake(name);
        let (_, parameter) = operator.parameter(&name).ok_or_else(|| format!("no option `{name}`"))?;
        named.push((name, argument(parameter.kind, json, operand).map_err(|reason| format!("{label}: {reason}"))?));
    }
    builder.call_by_name(operator.name, arguments, named).map_err(|error| error.to_string())
}

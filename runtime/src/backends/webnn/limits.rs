//! What a browser says of its WebNN (`opSupportLimits`), and whether a graph stays within it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::PLATFORM;
use super::names::camel_case;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, OperandDescriptor, Source};

/// The answer of `opSupportLimits`, as the browser gives it: `input`, `constant`, `output` and the operands of each operator, with
/// `dataTypes` and `rankRange`; `maxTensorByteLength`. What it does not limit is taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Limits(Map<String, Value>);

/// Why one operand is not taken.
fn refused(limits: &Value, descriptor: &OperandDescriptor) -> Option<String> {
    let types: Vec<&str> = limits.get("dataTypes")?.as_array()?.iter().filter_map(Value::as_str).collect();
    if !types.contains(&descriptor.data_type.name()) {
        return Some(format!("is {}; this browser takes {}", descriptor.data_type, types.join(", ")));
    }
    let ranks = limits.get("rankRange")?;
    let (min, max) = (ranks.get("min")?.as_u64()?, ranks.get("max")?.as_u64()?);
    let rank = descriptor.rank() as u64;
    (rank < min || rank > max).then(|| format!("has rank {rank}; this browser takes {min} to {max}"))
}

impl Limits {
    /// Reads the answer as JSON.
    ///
    /// **Errors** [`Error::Device`] where it is not an object.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Device { platform: PLATFORM.into(), reason: format!("opSupportLimits: {reason}") };
        match serde_json::from_str(json).map_err(|error| wrong(error.to_string()))? {
            Value::Object(answer) => Ok(Self(answer)),
            _ => Err(wrong("no object".into())),
        }
    }

    /// Holds a graph against the limits.
    ///
    /// **Errors** [`Error::Unsupported`] that names the operator, the operand, what it is and what this browser takes.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        for value in graph.values() {
            let (kind, name) = match &value.source {
                Source::Input(name) => ("input", name.as_str()),
                Source::Weight(name) => ("constant", name.as_str()),
                Source::Constant(_) => ("constant", "a constant"),
                Source::Node(..) => continue,
            };
            self.tensor(kind, name, &value.descriptor)?;
        }
        for (name, id) in graph.outputs() {
            self.tensor("output", name, graph.descriptor(*id))?;
        }
        graph.nodes().iter().try_for_each(|node| self.node(graph, node))
    }

    fn tensor(&self, kind: &str, name: &str, descriptor: &OperandDescriptor) -> Result<()> {
        if let Some(reason) = self.0.get(kind).and_then(|limits| refused(limits, descriptor)) {
            return Err(unsupported(kind, format!("`{name}` {reason}")));
        }
        let most = self.0.get("maxTensorByteLength").and_then(Value::as_u64);
        match most.filter(|most| descriptor.byte_length() as u64 > *most) {
            Some(most) => Err(unsupported(kind, format!("`{name}` has {} bytes; this browser takes {most}", descriptor.byte_length()))),
            None => Ok(()),
        }
    }

    fn node(&self, graph: &Graph, node: &Node) -> Result<()> {
        let operator = node.operator;
        let Some(limits) = self.0.get(operator.webnn) else {
            return Err(unsupported(operator.name, format!("this browser's WebNN has no `{}` (`{}`)", operator.webnn, node.label)));
        };
        let inputs = operator.parameters.iter().zip(&node.arguments).flat_map(|(parameter, argument)| {
            let name = camel_case(parameter.name);
            argument.operands().iter().map(move |operand| (name.clone(), *operand))
        });
        let output = if operator.gives_list() { "outputs" } else { "output" };
        let outputs = node.outputs.iter().map(|operand| (output.to_owned(), *operand));
        for (name, operand) in inputs.chain(outputs) {
            if let Some(reason) = limits.get(&name).and_then(|limits| refused(limits, graph.descriptor(operand))) {
                return Err(unsupported(operator.name, format!("`{name}` {reason} (`{}`)", node.label)));
            }
        }
        Ok(())
    }
}

fn unsupported(operator: &str, reason: String) -> Error {
    Error::Unsupported { operator: operator.to_owned(), platform: PLATFORM.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DataType, GraphBuilder};

    /// As Chromium 147 answers, shortened.
    const ANSWER: &str = r#"{
        "preferredInputLayout": "nhwc",
        "maxTensorByteLength": 1000,
        "input": {"dataTypes": ["float32", "int32"], "rankRange": {"min": 0, "max": 8}},
        "constant": {"dataTypes": ["float32", "int32"], "rankRange": {"min": 0, "max": 8}},
        "output": {"dataTypes": ["float32", "int32"], "rankRange": {"min": 0, "max": 8}},
        "add": {"a": {"dataTypes": ["float32"], "rankRange": {"min": 0, "max": 2}}, "b": {"dataTypes": ["float32"]}, "output": {"dataTypes": ["float32"]}},
        "split": {"input": {"dataTypes": ["float32"]}, "outputs": {"dataTypes": ["float32"]}}
    }"#;

    fn check(shape: &[usize], data_type: DataType, build: impl Fn(&GraphBuilder, &crate::Operand) -> crate::Operand) -> String {
        let builder = GraphBuilder::new();
        let x = builder.input("x", OperandDescriptor::new(data_type, shape).unwrap()).unwrap();
        let y = build(&builder, &x);
        builder.output("y", &y).unwrap();
        let limits = Limits::from_json(ANSWER).unwrap();
        limits.check(&builder.build().unwrap()).map_or_else(|error| error.to_string(), |()| "supported".into())
    }

    #[test]
    fn operators_types_ranks_and_bytes_are_held() {
        let add = |builder: &GraphBuilder, x: &crate::Operand| builder.add(x, x).unwrap();
        assert_eq!(check(&[2, 3], DataType::Float32, add), "supported");
        assert_eq!(check(&[2, 3], DataType::Int32, add), "`add` is unsupported on webnn: `a` is int32; this browser takes float32 (`add`)");
        assert_eq!(
            check(&[1, 2, 3], DataType::Float32, add),
            "`add` is unsupported on webnn: `a` has rank 3; this browser takes 0 to 2 (`add`)"
        );
        assert_eq!(
            check(&[2], DataType::Float32, |builder, x| builder.tanh(x).unwrap()),
            "`tanh` is unsupported on webnn: this browser's WebNN has no `tanh` (`tanh`)"
        );
        assert_eq!(check(&[2], DataType::Int64, add), "`input` is unsupported on webnn: `x` is int64; this browser takes float32, int32");
        assert_eq!(
            check(&[20, 20], DataType::Float32, add),
            "`input` is unsupported on webnn: `x` has 1600 bytes; this browser takes 1000"
        );
    }
}

//! What a browser says of its WebNN (`opSupportLimits`), and whether a graph stays within it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::PLATFORM;
use super::names::camel_case;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, OperandDescriptor, Source};

/// The answer of `opSupportLimits`, by WebNN's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Largest tensor, where the browser says so.
    pub max_tensor_bytes: Option<u64>,
    /// Tensors of `input`, `constant` and `output`.
    pub graph: BTreeMap<String, TensorLimits>,
    /// Operator -> operand -> what it may be. An operator that is not here is not there.
    pub operators: BTreeMap<String, BTreeMap<String, TensorLimits>>,
}

/// What one operand may be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TensorLimits {
    /// Types by name.
    #[serde(rename = "dataTypes")]
    pub data_types: Vec<String>,
    /// Ranks, where the browser says so.
    #[serde(rename = "rankRange")]
    pub ranks: Option<RankRange>,
}

/// Ranks from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RankRange {
    /// The least.
    pub min: usize,
    /// The greatest.
    pub max: usize,
}

impl TensorLimits {
    fn of(value: &Value) -> Option<Self> {
        let list = |list: &Value| list.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned())).collect();
        let range = |ranks: &Value| {
            let number = |name: &str| Some(ranks.get(name)?.as_u64()? as usize);
            Some(RankRange { min: number("min")?, max: number("max")? })
        };
        Some(Self {
            data_types: value.get("dataTypes").map_or(Some(vec![]), list)?,
            ranks: value.get("rankRange").filter(|ranks| !ranks.is_null()).map(range).map_or(Some(None), |ranks| ranks.map(Some))?,
        })
    }

    fn refuses(&self, descriptor: &OperandDescriptor) -> Option<String> {
        if !self.data_types.iter().any(|name| name == descriptor.data_type.name()) {
            return Some(format!("is {}; this browser takes {}", descriptor.data_type, self.data_types.join(", ")));
        }
        let ranks = self.ranks.filter(|ranks| descriptor.rank() < ranks.min || descriptor.rank() > ranks.max)?;
        Some(format!("has rank {}; this browser takes {} to {}", descriptor.rank(), ranks.min, ranks.max))
    }
}

impl Limits {
    /// Reads the answer as JSON. Members that are neither tensors nor operators are passed over.
    ///
    /// **Errors** [`Error::Device`] where it is not an object.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong =
            |reason: &dyn std::fmt::Display| Error::Device { platform: PLATFORM.into(), reason: format!("opSupportLimits: {reason}") };
        let answer: Value = serde_json::from_str(json).map_err(|error| wrong(&error))?;
        let Value::Object(answer) = answer else { return Err(wrong(&"no object")) };
        let mut limits = Self { max_tensor_bytes: answer.get("maxTensorByteLength").and_then(Value::as_u64), ..Self::default() };
        for (name, value) in answer {
            if value.get("dataTypes").is_some() {
                limits.graph.extend(TensorLimits::of(&value).map(|tensor| (name, tensor)));
            } else if let Value::Object(operands) = value {
                let operands = operands.into_iter().filter_map(|(operand, value)| Some((operand, TensorLimits::of(&value)?)));
                limits.operators.entry(name).or_default().extend(operands);
            }
        }
        Ok(limits)
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
        if let Some(reason) = self.graph.get(kind).and_then(|limits| limits.refuses(descriptor)) {
            return Err(unsupported(kind, format!("`{name}` {reason}")));
        }
        match self.max_tensor_bytes.filter(|most| descriptor.byte_length() as u64 > *most) {
            Some(most) => Err(unsupported(kind, format!("`{name}` has {} bytes; this browser takes {most}", descriptor.byte_length()))),
            None => Ok(()),
        }
    }

    fn node(&self, graph: &Graph, node: &Node) -> Result<()> {
        let operator = node.operator;
        let Some(limits) = self.operators.get(operator.webnn) else {
            return Err(unsupported(operator.name, format!("this browser's WebNN has no `{}` (`{}`)", operator.webnn, node.label)));
        };
        let inputs = operator.parameters.iter().zip(&node.arguments).flat_map(|(parameter, argument)| {
            let name = camel_case(parameter.name);
            argument.operands().iter().map(move |operand| (name.clone(), *operand))
        });
        let output = if operator.gives_list() { "outputs" } else { "output" };
        let outputs = node.outputs.iter().map(|operand| (output.to_owned(), *operand));
        for (name, operand) in inputs.chain(outputs) {
            if let Some(reason) = limits.get(&name).and_then(|limits| limits.refuses(graph.descriptor(operand))) {
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

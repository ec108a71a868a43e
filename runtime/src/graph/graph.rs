//! A finished graph: nodes in an order in which each reads only what stands before it.

use std::fmt;
use std::sync::Arc;

use super::call::Descriptors;
use super::{Argument, Call, OperandDescriptor, Operator};

/// Index of a value in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Index of a node in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Given for every run, by name.
    Input(String),
    /// A checkpoint's tensor, by the name the published implementation gives it.
    Weight(String),
    /// Bytes that the graph itself holds, little endian and packed.
    Constant(Arc<[u8]>),
    /// An output of a node.
    Node(NodeId, u32),
}

/// One tensor of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its type and shape.
    pub descriptor: OperandDescriptor,
    /// Where it comes from.
    pub source: Source,
}

/// One call of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The operator.
    pub operator: &'static Operator,
    /// One per parameter of the operator.
    pub arguments: Vec<Argument<ValueId>>,
    /// What it makes.
    pub outputs: Vec<ValueId>,
    /// For people and error messages: where in the model it stands.
    pub label: String,
}

impl Node {
    /// Every tensor that the node reads, in the order of the parameters.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> + '_ {
        self.arguments.iter().flat_map(|argument| argument.operands().iter().copied())
    }
}

/// A valid graph. Only [`super::GraphBuilder::build`] makes one.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "MLGraph")]
pub struct Graph {
    pub(super) values: Vec<Value>,
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: Vec<(String, ValueId)>,
    pub(super) weights: Vec<(String, ValueId)>,
    pub(super) outputs: Vec<(String, ValueId)>,
}

impl Descriptors for Vec<Value> {
    fn descriptor(&self, value: ValueId) -> &OperandDescriptor {
        &self[value.0 as usize].descriptor
    }
}

impl Graph {
    /// All values, by id.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// One value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// One value's type and shape.
    pub fn descriptor(&self, id: ValueId) -> &OperandDescriptor {
        &self.value(id).descriptor
    }

    /// All nodes, producers before consumers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The inputs, in the order they were declared.
    pub fn inputs(&self) -> &[(String, ValueId)] {
        &self.inputs
    }

    /// The weights, in the order they were first used.
    pub fn weights(&self) -> &[(String, ValueId)] {
        &self.weights
    }

    /// The outputs, in the order they were declared.
    pub fn outputs(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// A node as its rule and kernel see it.
    pub fn call<'a>(&'a self, node: &'a Node) -> Call<'a> {
        Call { operator: node.operator, arguments: &node.arguments, values: &self.values }
    }

    /// 64 bits of FNV-1a over the graph's text and constants: equal graphs have equal digests, on every machine.
    pub fn digest(&self) -> u64 {
        let constants = self.values.iter().filter_map(|value| match &value.source {
            Source::Constant(bytes) => Some(&bytes[..]),
            _ => None,
        });
        let text = self.to_string();
        let fold =
            |hash: u64, bytes: &[u8]| bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
        std::iter::once(text.as_bytes()).chain(constants).fold(0xcbf2_9ce4_8422_2325, fold)
    }

    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> usize {
        self.weights.iter().map(|(_, id)| self.descriptor(*id).byte_length()).sum()
    }
}

/// One line per input, weight, node and output: equal graphs print equal text.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, value) in self.values.iter().enumerate() {
            match &value.source {
                Source::Input(name) => writeln!(f, "%{id} = input {name}: {}", value.descriptor)?,
                Source::Weight(name) => writeln!(f, "%{id} = weight {name}: {}", value.descriptor)?,
                Source::Constant(bytes) if bytes.len() <= 16 => writeln!(f, "%{id} = constant {:02x?}: {}", &bytes[..], value.descriptor)?,
                Source::Constant(bytes) => writeln!(f, "%{id} = constant of {} bytes: {}", bytes.len(), value.descriptor)?,
                Source::Node(node, 0) => {
                    let node = &self.nodes[node.0 as usize];
                    write!(f, "%{id} = {}(", node.operator.name)?;
                    let mut separator = "";
                    for (parameter, argument) in node.operator.parameters.iter().zip(&node.arguments) {
                        let text = match argument {
                            Argument::None => continue,
                            Argument::Operand(operand) => format!("%{}", operand.0),
                            Argument::Operands(operands) => {
                                format!("[{}]", operands.iter().map(|operand| format!("%{}", operand.0)).collect::<Vec<_>>().join(", "))
                            }
                            Argument::Int(number) => number.to_string(),
                            Argument::Ints(numbers) => format!("{numbers:?}"),
                            Argument::Float(number) => format!("{number:?}"),
                            Argument::Floats(numbers) => format!("{numbers:?}"),
                            Argument::Bool(flag) => flag.to_string(),
                            Argument::Text(text) => format!("{text:?}"),
                            Argument::Texts(texts) => format!("{texts:?}"),
                            Argument::DataType(data_type) => data_type.to_string(),
                        };
                        write!(f, "{separator}{} = {text}", parameter.name)?;
                        separator = ", ";
                    }
                    writeln!(f, "): {}", value.descriptor)?;
                }
                Source::Node(node, output) => writeln!(f, "%{id} = output {output} of node {}: {}", node.0, value.descriptor)?,
            }
        }
        for (name, id) in &self.outputs {
            writeln!(f, "output {name} = %{}", id.0)?;
        }
        Ok(())
    }
}

//! The graph builder: one method per WebNN operator (declared in `ops/`), inputs, constants, named weights.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::call::Descriptors;
use super::{Argument, Call, DataType, DefaultValue, Graph, Kind, Node, NodeId, OperandDescriptor, Operator, Source, Value, ValueId};
use crate::digits::digits;
use crate::error::GraphError;

/// Operators that a graph may have: a config that asks for more is hostile or mistaken.
const MAX_NODES: usize = 1 << 18;

/// A tensor of a graph in the making. Cheap to clone; belongs to the builder that gave it.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "MLOperand")]
pub struct Operand {
    id: ValueId,
    builder: u64,
    descriptor: Arc<OperandDescriptor>,
}

impl Operand {
    /// Type and shape.
    pub fn descriptor(&self) -> &OperandDescriptor {
        &self.descriptor
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.descriptor.shape
    }

    /// Type of the elements.
    pub fn data_type(&self) -> DataType {
        self.descriptor.data_type
    }

    /// Size of one dimension; a negative axis counts from the last.
    ///
    /// **Errors** [`GraphError::Rule`] where the operand has no such axis.
    pub fn size(&self, axis: isize) -> Result<usize, GraphError> {
        let shape = self.shape();
        let index = if axis < 0 { axis + shape.len() as isize } else { axis };
        usize::try_from(index)
            .ok()
            .and_then(|index| shape.get(index).copied())
            .ok_or_else(|| GraphError::Rule { label: "size".into(), reason: format!("axis {axis} of a tensor of rank {}", shape.len()) })
    }

    /// Position among the graph's values.
    pub fn id(&self) -> ValueId {
        self.id
    }
}

/// Builds a [`Graph`]; every call is checked by its operator's rule when it is made.
///
/// Methods take `&self`, so that calls nest as the formulas they stand for.
#[derive(Debug)]
#[doc(alias = "MLGraphBuilder")]
pub struct GraphBuilder {
    identity: u64,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    values: Vec<Value>,
    nodes: Vec<Node>,
    inputs: Vec<(String, ValueId)>,
    weights: Vec<(String, ValueId)>,
    weight_index: HashMap<String, ValueId>,
    constant_index: HashMap<(OperandDescriptor, Arc<[u8]>), ValueId>,
    outputs: Vec<(String, ValueId)>,
    labels: Vec<String>,
}

impl Default for GraphBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { identity: NEXT.fetch_add(1, Ordering::Relaxed), state: RefCell::default() }
    }

    /// A tensor that every run is given.
    ///
    /// **Errors** a name used before; a size of 0 or a rank above [`OperandDescriptor::MAX_RANK`].
    pub fn input(&self, name: &str, descriptor: OperandDescriptor) -> Result<Operand, GraphError> {
        check(&format!("input `{name}`"), &descriptor)?;
        let mut state = self.state.borrow_mut();
        if let Some((_, first)) = state.inputs.iter().find(|(known, _)| known == name) {
            return Err(conflict(name, state.values.descriptor(*first), &descriptor));
        }
        let operand = self.push(&mut state, descriptor, Source::Input(name.to_owned()));
        state.inputs.push((name.to_owned(), operand.id));
        Ok(operand)
    }

    /// A tensor of the checkpoint. The same name gives the same operand, so that tied weights are one.
    ///
    /// **Errors** [`GraphError::NameConflict`] where the name was used with another descriptor; a size of 0 or a rank above
    /// [`OperandDescriptor::MAX_RANK`].
    pub fn weight(&self, name: &str, descriptor: OperandDescriptor) -> Result<Operand, GraphError> {
        check(&format!("weight `{name}`"), &descriptor)?;
        let mut state = self.state.borrow_mut();
        if let Some(&first) = state.weight_index.get(name) {
            let known = state.values.descriptor(first);
            if *known != descriptor {
                return Err(conflict(name, known, &descriptor));
            }
            return Ok(self.operand(&state, first));
        }
        let operand = self.push(&mut state, descriptor, Source::Weight(name.to_owned()));
        state.weights.push((name.to_owned(), operand.id));
        state.weight_index.insert(name.to_owned(), operand.id);
        Ok(operand)
    }

    /// A tensor that the graph holds itself; bytes are little endian, packed. Equal constants are one operand.
    ///
    /// **Errors** bytes that are not as many as the descriptor needs; a size of 0 or a rank above [`OperandDescriptor::MAX_RANK`].
    pub fn constant(&self, descriptor: OperandDescriptor, bytes: impl Into<Arc<[u8]>>) -> Result<Operand, GraphError> {
        let bytes = bytes.into();
        check("constant", &descriptor)?;
        if bytes.len() != descriptor.byte_length() {
            return Err(GraphError::Rule {
                label: "constant".into(),
                reason: format!("{descriptor} takes {} bytes, found {}", descriptor.byte_length(), bytes.len()),
            });
        }
        let mut state = self.state.borrow_mut();
        let key = (descriptor.clone(), Arc::clone(&bytes));
        if let Some(&id) = state.constant_index.get(&key) {
            return Ok(self.operand(&state, id));
        }
        let operand = self.push(&mut state, descriptor, Source::Constant(bytes));
        state.constant_index.insert(key, operand.id);
        Ok(operand)
    }

    /// A constant of rank 0: `value` in `data_type`, rounded once.
    ///
    /// **Errors** a value that an integer type cannot hold exactly, a whole number of Rust's integers for a float, the 4-bit types.
    pub fn scalar(&self, data_type: DataType, value: impl Into<Number>) -> Result<Operand, GraphError> {
        self.number(data_type, value.into())
    }

    fn number(&self, data_type: DataType, value: Number) -> Result<Operand, GraphError> {
        let whole = match value {
            Number::Int(number) => Some(number),
            Number::Float(number) => (number == number.trunc() && number.abs() < 2f64.powi(64)).then_some(number as i128),
        };
        let range = if data_type.bits() < 8 { None } else { data_type.integers() };
        let bytes = match (data_type, value, whole) {
            (DataType::Float32, Number::Float(number), _) => (number as f32).to_le_bytes().to_vec(),
            (DataType::Float16, Number::Float(number), _) => half_bits(number).to_le_bytes().to_vec(),
            (_, _, Some(number)) if range.is_some_and(|range| range.contains(&number)) => {
                number.to_le_bytes()[..data_type.bits() / 8].to_vec()
            }
            _ => {
                let reason = format!("{value} is not a {data_type} that a scalar can hold");
                return Err(GraphError::Rule { label: "scalar".into(), reason });
            }
        };
        self.constant(OperandDescriptor::new(data_type, [])?, bytes)
    }

    /// The whole numbers 0, 1, … as an int32 constant of shape `[count]`.
    pub fn range(&self, count: usize) -> Result<Operand, GraphError> {
        let descriptor = OperandDescriptor::new(DataType::Int32, [count])?;
        let bytes: Vec<u8> = (0..count as i32).flat_map(i32::to_le_bytes).collect();
        self.constant(descriptor, bytes)
    }

    /// The float32 constant `[to rows · to columns, from rows · from columns]` that resamples a grid, flattened row by row, by bicubic
    /// interpolation as PyTorch's `interpolate(mode="bicubic", align_corners=False)` does.
    ///
    /// **Errors** [`GraphError::Rule`] where a size is not a pair of rows and columns, or the matrix is too large.
    pub fn bicubic(&self, from: &[usize], to: &[usize]) -> Result<Operand, GraphError> {
        let matrix = super::resampling::bicubic(from, to)?;
        let bytes: Vec<u8> = matrix.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(OperandDescriptor::new(DataType::Float32, [to[0] * to[1], from[0] * from[1]])?, bytes)
    }

    /// Makes `operand` an output by this name; the order of the calls is the order of the outputs.
    ///
    /// **Errors** a name used before, an operand of another builder.
    pub fn output(&self, name: &str, operand: &Operand) -> Result<(), GraphError> {
        self.own(name, operand)?;
        let mut state = self.state.borrow_mut();
        if let Some((_, first)) = state.outputs.iter().find(|(known, _)| known == name) {
            return Err(conflict(name, state.values.descriptor(*first), operand.descriptor()));
        }
        state.outputs.push((name.to_owned(), operand.id));
        Ok(())
    }

    /// Nodes made while `body` runs carry `label` in front of their operator's name, as in `encoder.layer.0: matmul`.
    pub fn scope<T>(&self, label: impl Into<String>, body: impl FnOnce() -> T) -> T {
        self.state.borrow_mut().labels.push(label.into());
        let result = body();
        self.state.borrow_mut().labels.pop();
        result
    }

    /// Calls an operator by its static description, with one argument per parameter in its order.
    ///
    /// **Errors** [`GraphError::Rule`] with the label of the call.
    pub fn call(&self, operator: &'static Operator, arguments: Vec<Argument>) -> Result<Vec<Operand>, GraphError> {
        debug_assert_eq!(arguments.len(), operator.parameters.len());
        let label = self.label(operator.name);
        for argument in &arguments {
            for operand in argument.operands() {
                self.own(&label, operand)?;
            }
        }
        let arguments: Vec<Argument<ValueId>> = arguments.iter().map(|argument| argument.map(|operand| operand.id)).collect();
        let mut state = self.state.borrow_mut();
        if state.nodes.len() >= MAX_NODES {
            return Err(GraphError::Rule { label, reason: format!("the graph has more than {MAX_NODES} operators") });
        }
        let descriptors = {
            let call = Call { operator, arguments: &arguments, values: &state.values };
            (operator.rule)(&call)
        };
        let descriptors = descriptors.map_err(|reason| GraphError::Rule { label: label.clone(), reason })?;
        descriptors.iter().try_for_each(|descriptor| check(&label, descriptor))?;
        let node = NodeId(state.nodes.len() as u32);
        let mut operands = Vec::with_capacity(descriptors.len());
        for (index, descriptor) in descriptors.into_iter().enumerate() {
            operands.push(self.push(&mut state, descriptor, Source::Node(node, index as u32)));
        }
        let outputs = operands.iter().map(|operand| operand.id).collect();
        state.nodes.push(Node { operator, arguments, outputs, label });
        Ok(operands)
    }

    /// As [`Self::call`], of an operator with one output.
    pub(crate) fn call_one(&self, operator: &'static Operator, arguments: Vec<Argument>) -> Result<Operand, GraphError> {
        Ok(self.call(operator, arguments)?.swap_remove(0))
    }

    /// Calls an operator by name: positional arguments first, then named ones; defaults fill the rest.
    ///
    /// **Errors** an unknown operator; an argument that is unknown, given twice, missing or of another kind; the rule.
    pub fn call_by_name(&self, name: &str, positional: Vec<Argument>, named: Vec<(String, Argument)>) -> Result<Vec<Operand>, GraphError> {
        let operator = crate::ops::operator_by_name(name).ok_or_else(|| GraphError::UnknownOperator { name: name.to_owned() })?;
        let arguments = operator.bind(positional, named)?;
        self.call(operator, arguments)
    }

    /// Ends building: values that no output needs are left out, and the rest keep their order.
    ///
    /// **Errors** [`GraphError::NoOutputs`].
    pub fn build(self) -> Result<Graph, GraphError> {
        let state = self.state.into_inner();
        if state.outputs.is_empty() {
            return Err(GraphError::NoOutputs);
        }
        Ok(prune(state))
    }

    fn label(&self, operator: &str) -> String {
        let state = self.state.borrow();
        if state.labels.is_empty() { operator.to_owned() } else { format!("{}: {operator}", state.labels.join(".")) }
    }

    fn own(&self, label: &str, operand: &Operand) -> Result<(), GraphError> {
        if operand.builder == self.identity {
            Ok(())
        } else {
            Err(GraphError::ForeignOperand { label: label.to_owned(), operand: operand.id.0 })
        }
    }

    fn push(&self, state: &mut State, descriptor: OperandDescriptor, source: Source) -> Operand {
        state.values.push(Value { descriptor, source });
        self.operand(state, ValueId(state.values.len() as u32 - 1))
    }

    fn operand(&self, state: &State, id: ValueId) -> Operand {
        Operand { id, builder: self.identity, descriptor: Arc::new(state.values.descriptor(id).clone()) }
    }
}

/// A number of any type, for constants: Rust's own number types become one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "MLNumber")]
pub enum Number {
    /// A float, or a whole number that float64 holds.
    Float(f64),
    /// A whole number.
    Int(i128),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Float(number) => f.write_str(&digits(*number)),
            // Beyond 64 bits nothing is made from Rust's own types.
            Number::Int(number) if *number < 0 => write!(f, "{}", *number as i64),
            Number::Int(number) => write!(f, "{}", *number as u64),
        }
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Float(number)
    }
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {$(
        impl From<$type> for Number {
            fn from(number: $type) -> Self {
                Number::Int(number.into())
            }
        }
    )*};
}

whole_numbers! { i8 u8 i32 u32 i64 u64 }

/// The nearest float16, by its bits; the crate `half` is not there in builds without features.
fn half_bits(number: f64) -> u16 {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = number.abs();
    if number.is_nan() {
        return 0x7e00;
    }
    // Below 2⁻¹⁴ the spacing is constant.
    let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
    let exponent = exponent.max(-14);
    let steps = (magnitude / 2f64.powi(exponent - 10)).round_ties_even();
    let bits = if magnitude.is_infinite() { f64::INFINITY } else { steps + f64::from((exponent + 14) * 1024) };
    sign | if bits >= f64::from(0x7c00) { 0x7c00 } else { bits as u16 }
}

/// WebNN's rules of a graph's tensors, with the label in the message.
fn check(label: &str, descriptor: &OperandDescriptor) -> Result<(), GraphError> {
    descriptor.check().map_err(|reason| GraphError::Rule { label: label.to_owned(), reason })
}

fn conflict(name: &str, first: &OperandDescriptor, second: &OperandDescriptor) -> GraphError {
    GraphError::NameConflict { name: name.to_owned(), first: first.to_string(), second: second.to_string() }
}

fn prune(state: State) -> Graph {
    let mut live = vec![false; state.values.len()];
    let mut stack: Vec<ValueId> = state.outputs.iter().map(|(_, id)| *id).collect();
    stack.extend(state.inputs.iter().map(|(_, id)| *id));
    while let Some(id) = stack.pop() {
        if std::mem::replace(&mut live[id.0 as usize], true) {
            continue;
        }
        if let Source::Node(node, _) = state.values[id.0 as usize].source {
            let node = &state.nodes[node.0 as usize];
            stack.extend(node.operands());
            stack.extend(&node.outputs);
        }
    }
    let mut new_value = vec![ValueId(u32::MAX); state.values.len()];
    let mut values = Vec::new();
    for (old, value) in state.values.into_iter().enumerate() {
        if live[old] {
            new_value[old] = ValueId(values.len() as u32);
            values.push(value);
        }
    }
    let map = |id: &ValueId| new_value[id.0 as usize];
    let mut nodes = Vec::new();
    for node in state.nodes {
        if !live[node.outputs[0].0 as usize] {
            continue;
        }
        let id = NodeId(nodes.len() as u32);
        let outputs: Vec<ValueId> = node.outputs.iter().map(map).collect();
        for (index, output) in outputs.iter().enumerate() {
            values[output.0 as usize].source = Source::Node(id, index as u32);
        }
        let arguments = node.arguments.iter().map(|argument| argument.map(map)).collect();
        nodes.push(Node { operator: node.operator, arguments, outputs, label: node.label });
    }
    let named = |list: Vec<(String, ValueId)>| -> Vec<(String, ValueId)> {
        list.into_iter().filter(|(_, id)| live[id.0 as usize]).map(|(name, id)| (name, map(&id))).collect()
    };
    Graph { values, nodes, inputs: named(state.inputs), weights: named(state.weights), outputs: named(state.outputs) }
}

impl Operator {
    /// Orders arguments as the parameters are declared and fills defaults.
    ///
    /// **Errors** [`GraphError::Argument`] for an argument that is unknown, given twice, missing or of another kind.
    pub fn bind<O>(&'static self, positional: Vec<Argument<O>>, named: Vec<(String, Argument<O>)>) -> Result<Vec<Argument<O>>, GraphError> {
        let error = |parameter: &str, reason: String| GraphError::Argument { operator: self.name, parameter: parameter.to_owned(), reason };
        let required = self.parameters.iter().filter(|parameter| parameter.is_required()).count();
        if positional.len() > required {
            return Err(error("", format!("takes {required} positional arguments, found {}; options are given by name", positional.len())));
        }
        let mut bound: Vec<Option<Argument<O>>> = positional.into_iter().map(Some).collect();
        bound.resize_with(self.parameters.len(), || None);
        for (name, argument) in named {
            let Some((index, _)) = self.parameter(&name) else {
                let known: Vec<_> = self.parameters.iter().map(|parameter| parameter.name).collect();
                return Err(error(&name, format!("has no parameter `{name}`; parameters: {}", known.join(", "))));
            };
            if bound[index].replace(argument).is_some() {
                return Err(error(&name, format!("`{name}` is given twice")));
            }
        }
        self.parameters
            .iter()
            .zip(bound)
            .map(|(parameter, argument)| match argument {
                Some(argument) => convert(parameter.kind, argument).map_err(|found| {
                    error(parameter.name, format!("`{}` must be {}, found {found}", parameter.name, parameter.kind.name()))
                }),
                None => match parameter.default {
                    DefaultValue::Required => Err(error(parameter.name, format!("`{}` is missing", parameter.name))),
                    DefaultValue::None => Ok(Argument::None),
                    DefaultValue::Int(number) => Ok(Argument::Int(number)),
                    DefaultValue::Float(number) => Ok(Argument::Float(number)),
                    DefaultValue::Bool(flag) => Ok(Argument::Bool(flag)),
                    DefaultValue::Text(text) => Ok(Argument::Text(text.to_owned())),
                    DefaultValue::DataType(data_type) => Ok(Argument::DataType(data_type)),
                },
            })
            .collect()
    }
}

/// The argument in the kind asked for: whole numbers serve as numbers, names as data types.
fn convert<O>(kind: Kind, argument: Argument<O>) -> Result<Argument<O>, &'static str> {
    match (kind, argument) {
        (Kind::Float, Argument::Int(number)) => Ok(Argument::Float(number as f64)),
        (Kind::Floats, Argument::Ints(numbers)) => Ok(Argument::Floats(numbers.into_iter().map(|number| number as f64).collect())),
        (Kind::DataType, Argument::Text(name)) => DataType::from_name(&name).map(Argument::DataType).ok_or("an unknown data type"),
        (Kind::Operand, argument @ Argument::Operand(_))
        | (Kind::Operands, argument @ Argument::Operands(_))
        | (Kind::Int, argument @ Argument::Int(_))
        | (Kind::Ints, argument @ Argument::Ints(_))
        | (Kind::Float, argument @ Argument::Float(_))
        | (Kind::Floats, argument @ Argument::Floats(_))
        | (Kind::Bool, argument @ Argument::Bool(_))
        | (Kind::Text, argument @ Argument::Text(_))
        | (Kind::Texts, argument @ Argument::Texts(_))
        | (Kind::DataType, argument @ Argument::DataType(_)) => Ok(argument),
        (_, argument) => Err(match argument {
            Argument::None => "nothing",
            Argument::Operand(_) => Kind::Operand.name(),
            Argument::Operands(_) => Kind::Operands.name(),
            Argument::Int(_) => Kind::Int.name(),
            Argument::Ints(_) => Kind::Ints.name(),
            Argument::Float(_) => Kind::Float.name(),
            Argument::Floats(_) => Kind::Floats.name(),
            Argument::Bool(_) => Kind::Bool.name(),
            Argument::Text(_) => Kind::Text.name(),
            Argument::Texts(_) => Kind::Texts.name(),
            Argument::DataType(_) => Kind::DataType.name(),
        }),
    }
}

//! A graph, built again with the browser's `MLGraphBuilder`: one call per operator, by its own declaration.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::PLATFORM;
use super::device::{Loader, Shared};
use super::js::{self, Thrown};
use super::names::camel_case;
use super::resident::Resident;
use super::tensor::{Port, bytes, describe};
use crate::bindings::{Bindings, DeviceTensor, Memory};
use crate::error::{Error, Result};
use crate::graph::{Argument, Graph, Node, OperandDescriptor, Source, ValueId};
use crate::session::SessionReport;
use crate::tensor::Tensor;

/// A graph of the browser with the tensors that its runs use.
#[derive(Debug)]
pub struct Compiled {
    pub(super) shared: Rc<Shared>,
    pub(super) graph: JsValue,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    pub(super) bound_inputs: Vec<(String, Resident)>,
    /// True where the same tensor is bound to an input.
    pub(super) bound_outputs: Vec<(String, Resident, bool)>,
    weight_bytes: usize,
}

impl Compiled {
    pub(super) async fn new(shared: Rc<Shared>, graph: &Graph, load: &Loader<'_>, bindings: &Bindings) -> Result<Self> {
        let builder = js::construct("MLGraphBuilder", &[&shared.context]).map_err(|thrown| shared.error(thrown))?;
        let operands = Operands { builder: &builder, graph, load, shared: &shared }.build()?;
        let named = outputs(&builder, graph, &operands).map_err(|thrown| shared.error(thrown))?;
        let built = js::call_async(&builder, "build", &[&named]).await.map_err(|thrown| shared.error(thrown))?;
        let mut compiled = Self {
            shared,
            graph: built,
            inputs: Vec::new(),
            outputs: Vec::new(),
            bound_inputs: Vec::new(),
            bound_outputs: Vec::new(),
            weight_bytes: graph.weight_bytes(),
        };
        for (name, _) in graph.inputs() {
            let bound = compiled.resident(name, bindings.of_input(name))?;
            compiled.bound_inputs.extend(bound.map(|resident| (name.clone(), resident)));
        }
        for (name, _) in graph.outputs() {
            let Some(resident) = compiled.resident(name, bindings.of_output(name))? else { continue };
            let replaces = compiled.bound_inputs.iter().any(|(_, input)| input.is(&resident));
            if replaces {
                resident.make_pair().await?;
            }
            compiled.bound_outputs.push((name.clone(), resident, replaces));
        }
        compiled.inputs = compiled.ports(graph, graph.inputs(), "writable").await?;
        compiled.outputs = compiled.ports(graph, graph.outputs(), "readable").await?;
        Ok(compiled)
    }

    fn resident(&self, name: &str, bound: Option<&DeviceTensor>) -> Result<Option<Resident>> {
        match bound.map(|tensor| &tensor.memory) {
            None => Ok(None),
            Some(Memory::WebNn(resident)) if resident.belongs_to(&self.shared) => Ok(Some(resident.clone())),
            Some(_) => Err(Error::ForeignTensor { name: name.to_owned() }),
        }
    }

    async fn ports(&self, graph: &Graph, named: &[(String, ValueId)], direction: &str) -> Result<Vec<Port>> {
        let bound = |name: &String| match direction {
            "writable" => self.bound_inputs.iter().any(|(known, _)| known == name),
            _ => self.bound_outputs.iter().any(|(known, ..)| known == name),
        };
        let mut ports = Vec::with_capacity(named.len());
        for (name, id) in named.iter().filter(|(name, _)| !bound(name)) {
            let port = Port::new(&self.shared.context, name, graph.descriptor(*id), direction).await;
            ports.push(port.map_err(|thrown| self.shared.error(thrown))?);
        }
        Ok(ports)
    }

    /// What it costs, as far as is known: the browser tells neither its kernels nor what it allocates, so that the bytes are those handed to it.
    pub fn report(&self) -> SessionReport {
        let ports: usize = self.inputs.iter().chain(&self.outputs).map(|port| port.descriptor.byte_length()).sum();
        SessionReport {
            dispatches: 1,
            arena_bytes: 0,
            weight_bytes: self.weight_bytes,
            allocated_bytes: (self.weight_bytes + ports) as u64,
            allocations: None,
        }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // What cannot be destroyed is left to the garbage collector.
        let _ = js::call(&self.graph, "destroy", &[]);
    }
}

/// The operands of a graph in the making.
struct Operands<'a> {
    builder: &'a JsValue,
    graph: &'a Graph,
    load: &'a Loader<'a>,
    shared: &'a Shared,
}

impl Operands<'_> {
    fn build(&self) -> Result<Vec<JsValue>> {
        let mut made = vec![JsValue::UNDEFINED; self.graph.values().len()];
        for (id, value) in self.graph.values().iter().enumerate() {
            let thrown = |thrown: Thrown| self.shared.error(thrown);
            match &value.source {
                Source::Input(name) => {
                    let descriptor = describe(&value.descriptor, []);
                    made[id] = js::call(self.builder, "input", &[&name.into(), &descriptor]).map_err(thrown)?;
                }
                Source::Weight(name) => {
                    made[id] = self.constant(&(self.load)(name, &value.descriptor)?).map_err(thrown)?;
                }
                Source::Constant(data) => {
                    made[id] = self.constant(&Tensor::new(value.descriptor.clone(), data)?).map_err(thrown)?;
                }
                Source::Node(node, 0) => {
                    let node = &self.graph.nodes()[node.0 as usize];
                    let outputs = self.node(node, &made).map_err(|thrown| self.shared.error(format!("`{}`: {thrown}", node.label)))?;
                    for (id, operand) in node.outputs.iter().zip(outputs) {
                        agree(node, self.graph.descriptor(*id), &operand)?;
                        made[id.0 as usize] = operand;
                    }
                }
                Source::Node(..) => {}
            }
        }
        Ok(made)
    }

    fn constant(&self, tensor: &Tensor) -> Result<JsValue, Thrown> {
        js::call(self.builder, "constant", &[&describe(tensor.descriptor(), []), &bytes(tensor)])
    }

    /// Required parameters by position, the others as members of the options, all under WebNN's names.
    fn node(&self, node: &Node, made: &[JsValue]) -> Result<Vec<JsValue>, Thrown> {
        let mut positional = Vec::new();
        let mut options = vec![("label".to_owned(), JsValue::from(&node.label))];
        for (parameter, argument) in node.operator.parameters.iter().zip(&node.arguments) {
            let Some(value) = value(argument, made) else { continue };
            if parameter.is_required() {
                positional.push(value);
            } else {
                options.push((camel_case(parameter.name), value));
            }
        }
        if let ("split", [_, parts]) = (node.operator.name, &mut positional[..]) {
            // One size alone means as many equal parts, which WebNN writes as a number, not as a list of one.
            let sizes = Array::from(parts);
            if sizes.length() == 1 {
                *parts = sizes.get(0);
            }
        }
        let options = js::object(options);
        let arguments: Vec<&JsValue> = positional.iter().chain([&options]).collect();
        let made = js::call(self.builder, node.operator.webnn, &arguments)?;
        Ok(if node.operator.gives_list() { Array::from(&made).to_vec() } else { vec![made] })
    }
}

/// A revision passes over the options that it does not know, and then gives another shape.
fn agree(node: &Node, expected: &OperandDescriptor, operand: &JsValue) -> Result<()> {
    let Some(shape) = js::get(operand, "shape").ok().flatten() else { return Ok(()) };
    let shape: Vec<usize> = Array::from(&shape).iter().filter_map(|size| size.as_f64().map(|size| size as usize)).collect();
    if shape == expected.shape {
        return Ok(());
    }
    let reason = format!("this browser gives {shape:?} where {:?} is due: it does not know all options (`{}`)", expected.shape, node.label);
    Err(Error::Unsupported { operator: node.operator.name.to_owned(), platform: PLATFORM.into(), reason })
}

fn value(argument: &Argument<ValueId>, made: &[JsValue]) -> Option<JsValue> {
    let operand = |id: &ValueId| &made[id.0 as usize];
    Some(match argument {
        Argument::None => return None,
        Argument::Operand(id) => operand(id).clone(),
        Argument::Operands(ids) => js::array(ids.iter().map(operand)).into(),
        Argument::Int(number) => JsValue::from(*number as f64),
        Argument::Ints(list) => js::numbers(list),
        Argument::Float(number) => JsValue::from(*number),
        Argument::Floats(list) => list.iter().map(|number| JsValue::from(*number)).collect::<Array>().into(),
        Argument::Bool(flag) => JsValue::from(*flag),
        Argument::Text(text) => JsValue::from(text),
        Argument::Texts(list) => list.iter().map(JsValue::from).collect::<Array>().into(),
        Argument::DataType(data_type) => JsValue::from(data_type.name()),
    })
}

/// The named outputs. WebNN takes no input, no constant and no operand twice: such an output is an `identity` of it.
fn outputs(builder: &JsValue, graph: &Graph, operands: &[JsValue]) -> Result<JsValue, Thrown> {
    let mut members = Vec::new();
    for (index, (name, id)) in graph.outputs().iter().enumerate() {
        let mut operand = operands[id.0 as usize].clone();
        let repeated = graph.outputs()[..index].iter().any(|(_, known)| known == id);
        if repeated || !matches!(graph.value(*id).source, Source::Node(..)) {
            operand = js::call(builder, "identity", &[&operand])?;
        }
        members.push((name.as_str(), operand));
    }
    Ok(js::object(members))
}

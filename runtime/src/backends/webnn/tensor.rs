//! Tensors between the host and the browser.

use wasm_bindgen::JsValue;

use super::js::{self, Thrown};
use crate::error::{Error, Result};
use crate::graph::OperandDescriptor;
use crate::tensor::Tensor;

/// An input or output of a compiled graph: an `MLTensor` that every run uses again, destroyed with the graph.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) descriptor: OperandDescriptor,
    pub(super) tensor: JsValue,
}

impl Port {
    pub(super) async fn new(
        context: &JsValue,
        name: &str,
        descriptor: &OperandDescriptor,
        direction: &str,
    ) -> std::result::Result<Self, Thrown> {
        let options = describe(descriptor, [(direction, JsValue::TRUE)]);
        let tensor = js::call_async(context, "createTensor", &[&options]).await?;
        Ok(Self { name: name.to_owned(), descriptor: descriptor.clone(), tensor })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // What cannot be destroyed is left to the garbage collector.
        let _ = js::call(&self.tensor, "destroy", &[]);
    }
}

/// `MLOperandDescriptor`, with more members.
pub(super) fn describe<const N: usize>(descriptor: &OperandDescriptor, more: [(&str, JsValue); N]) -> JsValue {
    let members = [("dataType", JsValue::from(descriptor.data_type.name())), ("shape", js::numbers(&descriptor.shape))];
    js::object(members.into_iter().chain(more))
}

/// A copy of the bytes in the browser's own memory.
pub(super) fn bytes(tensor: &Tensor) -> JsValue {
    js_sys::Uint8Array::from(tensor.bytes()).into()
}

/// The tensors in the order of the ports.
///
/// **Errors** a name that no port has, a port without a tensor, another type or shape.
pub(super) fn arrange<'a>(ports: &[Port], given: &[(&str, &'a Tensor)]) -> Result<Vec<&'a Tensor>> {
    if let Some((name, _)) = given.iter().find(|(name, _)| ports.iter().all(|port| port.name != *name)) {
        let known = ports.iter().map(|port| port.name.clone()).collect();
        return Err(Error::UnknownInput { name: (*name).to_owned(), known });
    }
    let find = |port: &Port| {
        let expected = port.descriptor.to_string();
        let Some((_, tensor)) = given.iter().find(|(name, _)| *name == port.name) else {
            return Err(Error::MissingInput { name: port.name.clone(), expected });
        };
        if *tensor.descriptor() != port.descriptor {
            return Err(Error::InputMismatch { name: port.name.clone(), expected, found: tensor.descriptor().to_string() });
        }
        Ok(*tensor)
    };
    ports.iter().map(find).collect()
}

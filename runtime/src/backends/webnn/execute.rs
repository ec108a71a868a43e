//! A run: inputs written, one dispatch, outputs read. It makes no tensor of the browser's anew.

use wasm_bindgen::JsValue;

use super::compile::Compiled;
use super::js::{self, Thrown};
use super::tensor::{Port, arrange, bytes};
use crate::error::Result;
use crate::tensor::Tensor;

impl Compiled {
    /// Computes the outputs, in the graph's order.
    ///
    /// **Errors** inputs that are missing, unknown or of another type or shape; [`Error::Device`](crate::Error::Device) with what the browser threw.
    pub async fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>> {
        let tensors = arrange(&self.inputs, inputs)?;
        self.shared.check()?;
        let read = self.start(&tensors).map_err(|thrown| self.shared.error(thrown))?;
        let mut outputs = Vec::with_capacity(read.len());
        for (port, promise) in self.outputs.iter().zip(read) {
            let buffer = js::wait(promise).await.map_err(|thrown| self.shared.error(format!("readTensor: {thrown}")))?;
            let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
            outputs.push((port.name.clone(), Tensor::new(port.descriptor.clone(), &bytes)?));
        }
        self.shared.check()?;
        Ok(outputs)
    }

    /// Queues the whole run; the promises are of the outputs' bytes.
    fn start(&self, tensors: &[&Tensor]) -> std::result::Result<Vec<JsValue>, Thrown> {
        let context = &self.shared.context;
        for (port, tensor) in self.inputs.iter().zip(tensors) {
            js::call(context, "writeTensor", &[&port.tensor, &bytes(tensor)])?;
        }
        let named = |ports: &[Port]| js::object(ports.iter().map(|port| (&port.name, port.tensor.clone())));
        js::call(context, "dispatch", &[&self.graph, &named(&self.inputs), &named(&self.outputs)])?;
        self.outputs.iter().map(|port| js::call(context, "readTensor", &[&port.tensor])).collect()
    }
}

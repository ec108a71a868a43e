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
        let read = match self.start(&tensors) {
            Ok(read) => read,
            Err(thrown) => return Err(self.shared.run_error(thrown).await),
        };
        let mut outputs = Vec::with_capacity(read.len());
        for (port, promise) in self.outputs.iter().zip(read) {
            let buffer = match js::wait(promise).await {
                Ok(buffer) => buffer,
                Err(thrown) => return Err(self.shared.run_error(format!("readTensor: {thrown}")).await),
            };
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
        let named = |ports: &[Port]| ports.iter().map(|port| (port.name.clone(), port.tensor.clone())).collect::<Vec<_>>();
        let bound = self.bound_inputs.iter().map(|(name, resident)| (name.clone(), resident.front()));
        let inputs = js::object(named(&self.inputs).into_iter().chain(bound));
        let bound = self.bound_outputs.iter().map(|(name, resident, replaces)| {
            let tensor = if *replaces { resident.back() } else { resident.front() };
            (name.clone(), tensor)
        });
        let outputs = js::object(named(&self.outputs).into_iter().chain(bound));
        js::call(context, "dispatch", &[&self.graph, &inputs, &outputs])?;
        self.bound_outputs.iter().filter(|(.., replaces)| *replaces).for_each(|(_, resident, _)| resident.exchange());
        self.outputs.iter().map(|port| js::call(context, "readTensor", &[&port.tensor])).collect()
    }
}

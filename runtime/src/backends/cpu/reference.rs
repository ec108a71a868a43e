//! A graph computed node by node with the reference kernels: slow, without fusions, what the fast paths are tested against.

use crate::error::Result;
use crate::graph::{Graph, Source};
use crate::tensor::Tensor;

use super::Output;

/// The outputs of a graph. `lookup` gives inputs and weights by name.
///
/// **Errors** those of `lookup`.
pub fn run_reference(graph: &Graph, mut lookup: impl FnMut(&str) -> Result<Tensor>) -> Result<Vec<(String, Tensor)>> {
    let mut values: Vec<Option<Tensor>> = vec![None; graph.values().len()];
    for (value, place) in graph.values().iter().zip(&mut values) {
        *place = match &value.source {
            Source::Input(name) | Source::Weight(name) => Some(lookup(name)?),
            Source::Constant(bytes) => Some(Tensor::new(value.descriptor.clone(), bytes)?),
            Source::Node(..) => None,
        };
    }
    for node in graph.nodes() {
        let mut results: Vec<Tensor> = node.outputs.iter().map(|output| Tensor::zeros(graph.descriptor(*output).clone())).collect();
        let operands: Vec<&[u8]> = node.operands().filter_map(|operand| values[operand.0 as usize].as_ref()).map(Tensor::bytes).collect();
        let outputs = results.iter_mut().zip(&node.outputs);
        let mut outputs: Vec<Output<'_>> =
            outputs.map(|(tensor, id)| Output { descriptor: graph.descriptor(*id), bytes: tensor.bytes_mut() }).collect();
        super::kernel::run(graph.call(node), &operands, &mut outputs);
        for (output, tensor) in node.outputs.iter().zip(results) {
            values[output.0 as usize] = Some(tensor);
        }
    }
    let outputs = graph.outputs().iter();
    Ok(outputs.filter_map(|(name, value)| Some((name.clone(), values[value.0 as usize].clone()?))).collect())
}

//! Slices written by coordinates.

use super::rule::{INDICES, one_of, same_type, sliced_by};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The input with slices replaced, whose coordinates lie along the last axis of `indices`. `output[indices[i, 0], indices[i, 1], …, …] = updates[i, …]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it. Of several updates of one place the last stays.
    ///
    /// **Shapes** as the input; `updates` has the axes of `indices` but the last, then the input's that the coordinates leave.
    /// **Types** all; indices int32, uint32, int64; updates as the input.
    /// **Errors** a scalar input or scalar indices; more coordinates than the input has axes; updates of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-scatternd>
    scatter_nd "scatterND" SCATTER_ND (input: operand, indices: operand, updates: operand)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices, updates) = (call.operand("input"), call.operand("indices"), call.operand("updates"));
    one_of(indices, "indices", INDICES)?;
    same_type(input, updates, "`updates`")?;
    let expected = sliced_by(&input.shape, &indices.shape)?;
    if updates.shape != expected {
        return Err(format!("`updates` must have shape {expected:?}, found {:?}", updates.shape));
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let (starts, updates) = (arguments.slices(), arguments.operands[2]);
    let slice = updates.len() / starts.len().max(1);
    outputs[0].bytes.copy_from_slice(arguments.operands[0]);
    for (start, update) in starts.into_iter().zip(updates.chunks_exact(slice.max(1))) {
        outputs[0].bytes[start * slice..][..slice].copy_from_slice(update);
    }
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{first_of_row, scatter};
    let shape = &emitter.operand("input").shape;
    let depth = emitter.operand("indices").shape.last().copied().unwrap_or(0);
    let indices = emitter.tensor("indices")?;
    let first = first_of_row(&indices, shape, depth);
    scatter(emitter, &first, indices.elements / depth.max(1), shape[depth..].iter().product())
}

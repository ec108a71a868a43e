//! Slices picked by coordinates.

use super::rule::{INDICES, one_of, sliced_by};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The slices of `input` whose coordinates lie along the last axis of `indices`. `output[i, …] = input[indices[i, 0], indices[i, 1], …, …]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it.
    ///
    /// **Shapes** the axes of `indices` but the last, then the input's that the coordinates leave.
    /// **Types** all; indices int32, uint32, int64.
    /// **Errors** a scalar input or scalar indices; more coordinates than the input has axes.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gathernd>
    gather_nd "gatherND" GATHER_ND (input: operand, indices: operand)
    rule rule;
    kernel kernel;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices) = (call.operand("input"), call.operand("indices"));
    one_of(indices, "indices", INDICES)?;
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: sliced_by(&input.shape, &indices.shape)? }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let starts = arguments.slices();
    let slice = outputs[0].bytes.len() / starts.len().max(1);
    for (output, start) in outputs[0].bytes.chunks_exact_mut(slice.max(1)).zip(starts) {
        output.copy_from_slice(&arguments.operands[0][start * slice..][..slice]);
    }
}

//! Slices picked by index: an embedding table's rows.

use super::rule::{INDICES, below_rank, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The slices of `input` along `axis` that `indices` names. `output[.., i.., ..] = input[.., indices[i..], ..]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it.
    ///
    /// **Shapes** the input's, with the sizes of `indices` in place of `axis`.
    /// **Types** all; indices int32, uint32, int64.
    /// **Errors** a scalar input, an axis out of range.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gather>
    gather "gather" GATHER (input: operand, indices: operand)
    options GatherOptions {
        /// The axis picked from.
        axis: int = 0,
    }
    rule rule;
    kernel kernel;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices, axis) = (call.operand("input"), call.operand("indices"), call.int("axis"));
    one_of(indices, "indices", INDICES)?;
    below_rank(axis, input.rank())?;
    let mut shape = input.shape.clone();
    shape.splice(axis..=axis, indices.shape.iter().copied());
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let shape = &arguments.operand("input").shape;
    let axis = arguments.int("axis");
    let outer: usize = shape[..axis].iter().product();
    let slice = shape[axis + 1..].iter().product::<usize>() * outputs[0].descriptor.data_type.bits().div_ceil(8);
    let input = arguments.operands[0];
    let size = shape[axis];
    let (indices, count) = (arguments.indices("indices"), arguments.operand("indices").element_count());
    for (number, output) in outputs[0].bytes.chunks_exact_mut(slice.max(1)).take(outer * count).enumerate() {
        let from = (number / count * size + indices.place(number % count, size)) * slice;
        output.copy_from_slice(&input[from..from + slice]);
    }
}

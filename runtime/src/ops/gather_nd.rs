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
    wgsl wgsl;
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

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, first_of_row};
    let (input, indices, output) = (emitter.tensor("input")?.raw(), emitter.tensor("indices")?, emitter.output.raw());
    let shape = &emitter.operand("input").shape;
    let depth = emitter.operand("indices").shape.last().copied().unwrap_or(0);
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    shader.read("indices", &indices, 1);
    let inner: usize = shape[depth..].iter().product();
    let body = format!(
        "{}fn element(i: u32) -> {} {{ return input(first(i / {inner}u) + i % {inner}u); }}\n",
        first_of_row(&indices, shape, depth),
        input.storage.scalar()
    );
    emitter.element(shader, &output, Form::One, &body)
}

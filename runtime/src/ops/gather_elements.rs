//! Elements picked one by one along an axis.

use super::rule::{INDICES, below_rank, one_of, same_but_axis};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// For every index an element of its own line along `axis`. `output[i, j, …] = input[indices[i, j, …], j, …]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it.
    ///
    /// **Shapes** as `indices`, which is the input's but for `axis`.
    /// **Types** all; indices int32, uint32, int64.
    /// **Errors** a scalar input, an axis out of range, indices of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gatherelements>
    gather_elements "gatherElements" GATHER_ELEMENTS (input: operand, indices: operand)
    options GatherElementsOptions {
        /// The axis picked from.
        axis: int = 0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices, axis) = (call.operand("input"), call.operand("indices"), call.int("axis"));
    one_of(indices, "indices", INDICES)?;
    below_rank(axis, input.rank())?;
    same_but_axis("indices", &indices.shape, &input.shape, axis)?;
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: indices.shape.clone() }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{move_numbered, offset, strides};
    let (shape, axis) = (&arguments.operand("input").shape, arguments.int("axis"));
    let (packed, indices) = (strides(shape), arguments.indices("indices"));
    move_numbered(arguments.operands[0], &mut outputs[0], |number, index| {
        offset(index, &packed) - index[axis] * packed[axis] + indices.place(number, shape[axis]) * packed[axis]
    });
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, packed_strides, place_index, walk};
    let (input, indices, output) = (emitter.tensor("input")?.raw(), emitter.tensor("indices")?, emitter.output.raw());
    let (shape, axis) = (&emitter.operand("input").shape, emitter.int("axis"));
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    shader.read("indices", &indices, 1);
    let mut strides = packed_strides(shape);
    let stride = std::mem::take(&mut strides[axis]);
    let body = format!(
        "{}fn element(i: u32) -> {} {{\n{}return input(at + place_index(i, {}u) * {stride}u);\n}}\n",
        place_index(&indices),
        input.storage.scalar(),
        walk("at", "i", emitter.output_shape(), &strides, 0),
        shape[axis]
    );
    emitter.element(shader, &output, Form::One, &body)
}

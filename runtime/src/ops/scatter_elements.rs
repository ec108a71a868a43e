//! Elements written one by one along an axis.

use super::rule::{INDICES, below_rank, one_of, same_but_axis, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The input with an element replaced for every index. `output[indices[i, j, …], j, …] = updates[i, j, …]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it. Of several updates of one place the last stays.
    ///
    /// **Shapes** as the input; `indices` and `updates` are alike, and the input's but for `axis`.
    /// **Types** all; indices int32, uint32, int64; updates as the input.
    /// **Errors** a scalar input, an axis out of range, indices or updates of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-scatterelements>
    scatter_elements "scatterElements" SCATTER_ELEMENTS (input: operand, indices: operand, updates: operand)
    options ScatterElementsOptions {
        /// The axis written along.
        axis: int = 0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices, updates, axis) = (call.operand("input"), call.operand("indices"), call.operand("updates"), call.int("axis"));
    one_of(indices, "indices", INDICES)?;
    same_type(input, updates, "`updates`")?;
    below_rank(axis, input.rank())?;
    same_but_axis("indices", &indices.shape, &input.shape, axis)?;
    if updates.shape != indices.shape {
        return Err(format!("`updates` must have the shape of `indices`, {:?}, found {:?}", indices.shape, updates.shape));
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{each_index, offset, strides};
    let (shape, axis) = (&arguments.operand("input").shape, arguments.int("axis"));
    let (packed, indices, updates) = (strides(shape), arguments.indices("indices"), arguments.operands[2]);
    let size = arguments.operand("input").data_type.bits().div_ceil(8);
    outputs[0].bytes.copy_from_slice(arguments.operands[0]);
    each_index(&arguments.operand("indices").shape, |number, index| {
        let place = offset(index, &packed) - index[axis] * packed[axis] + indices.place(number, shape[axis]) * packed[axis];
        outputs[0].bytes[place * size..][..size].copy_from_slice(&updates[number * size..][..size]);
    });
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{packed_strides, place_index, scatter, walk};
    let (shape, extent, axis) = (&emitter.operand("input").shape, &emitter.operand("indices").shape, emitter.int("axis"));
    let indices = emitter.tensor("indices")?;
    let mut strides = packed_strides(shape);
    let stride = std::mem::take(&mut strides[axis]);
    let first = format!(
        "{}fn first(i: u32) -> u32 {{\n{}return at + place_index(i, {}u) * {stride}u;\n}}\n",
        place_index(&indices),
        walk("at", "i", extent, &strides, 0),
        shape[axis]
    );
    scatter(emitter, &first, indices.elements, 1)
}

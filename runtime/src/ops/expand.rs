//! A tensor stretched to a larger shape.

use super::rule::broadcast;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The tensor stretched to `new_shape`, as operands that broadcast are.
    ///
    /// **Shapes** `input` → `new_shape`, to which it broadcasts.
    /// **Types** all.
    /// **Errors** a shape that the input does not broadcast to.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-expand>
    expand "expand" EXPAND (input: operand, new_shape: ints)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, shape) = (call.operand("input"), call.ints("new_shape"));
    if broadcast(&input.shape, shape)? != shape {
        return Err(format!("the input {:?} does not broadcast to {shape:?}", input.shape));
    }
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: shape.to_vec() }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{broadcast_strides, move_elements, offset};
    let strides = broadcast_strides(&arguments.operand("input").shape, outputs[0].shape());
    move_elements(arguments.operands[0], &mut outputs[0], |index| offset(index, &strides));
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let shape = &emitter.operand("input").shape;
    let strides = crate::optimize::broadcast(shape, &crate::backends::webgpu::packed_strides(shape), emitter.output_shape());
    emitter.view(emitter.outputs[0], 0, strides)
}

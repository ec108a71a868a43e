//! The same elements in another shape.

use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The same elements, in the same order, in another shape.
    ///
    /// **Shapes** `input` → `new_shape`, of as many elements.
    /// **Types** all.
    /// **Errors** a shape of another number of elements.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reshape-method>
    reshape "reshape" RESHAPE (input: operand, new_shape: ints)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, shape) = (call.operand("input"), call.ints("new_shape"));
    let output = OperandDescriptor::new(input.data_type, shape).map_err(|error| error.to_string())?;
    if output.element_count() != input.element_count() {
        return Err(format!(
            "`new_shape` {shape:?} holds {} elements, but the input {:?} has {}",
            output.element_count(),
            input.shape,
            input.element_count()
        ));
    }
    Ok(vec![output])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    outputs[0].bytes.copy_from_slice(arguments.operands[0]);
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    // What the optimiser could not make a view of.
    let packed = crate::backends::webgpu::packed_strides(emitter.output_shape());
    emitter.view(emitter.outputs[0], 0, packed)
}

//! A tensor repeated.

use super::rule::one_per_axis;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The tensor repeated along each axis.
    ///
    /// **Shapes** size `k` times `repetitions[k]`.
    /// **Types** all.
    /// **Errors** repetitions that are not one per axis, or 0.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-tile>
    tile "tile" TILE (input: operand, repetitions: ints)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, repetitions) = (call.operand("input"), call.ints("repetitions"));
    one_per_axis("repetitions", repetitions, input.rank())?;
    if repetitions.contains(&0) {
        return Err(String::from("`repetitions` contains 0"));
    }
    let sizes = input.shape.iter().zip(repetitions).map(|(size, count)| size.checked_mul(*count));
    let shape = sizes.collect::<Option<Vec<_>>>().ok_or("the result is too large")?;
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{move_elements, strides};
    let shape = &arguments.operand("input").shape;
    let packed = strides(shape);
    move_elements(arguments.operands[0], &mut outputs[0], |index| {
        (0..shape.len()).map(|axis| index[axis] % shape[axis] * packed[axis]).sum()
    });
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let shape = &emitter.operand("input").shape;
    crate::backends::webgpu::remap(emitter, &|axis, o| format!("let a{axis} = {o} % {}u;\n", shape[axis].max(1)))
}

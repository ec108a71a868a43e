//! Rectifier with a slope for each element.

use super::rule::{SIGNED, broadcast, one_of, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Rectifier that leaks by a tensor. `output = max(0, input) + slope * min(0, input)`
    ///
    /// **Shapes** `slope` broadcasts with the input.
    /// **Types** float32, float16, int32, int64, int8; both of one type.
    /// **Errors** a slope that does not broadcast, types that differ.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-prelu>
    prelu "prelu" PRELU (input: operand, slope: operand)
    rule rule;
    kernel kernel;
    wgsl crate::backends::webgpu::elementwise;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, slope) = (call.operand("input"), call.operand("slope"));
    one_of(input, "input", SIGNED)?;
    same_type(input, slope, "`slope`")?;
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: broadcast(&input.shape, &slope.shape)? }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, for_type};
    for_type!(outputs[0].descriptor.data_type, T => {
        let function = |x: T, slope: T| if x < T::from_f64(0.0) { x.mul(slope) } else { x };
        super::binary::zip::<T, T>(arguments, ["input", "slope"], &mut outputs[0], function);
    })
}

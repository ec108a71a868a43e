//! Axes read backwards.

use super::rule::distinct_axes;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The elements in reverse order along `axes`. `output[i] = input[size - 1 - i]`
    ///
    /// **Shapes** as the input.
    /// **Types** all.
    /// **Errors** an axis out of range or given twice.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reverse-method>
    reverse "reverse" REVERSE (input: operand)
    options ReverseOptions {
        /// The axes; all if absent.
        axes: ints,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    distinct_axes(&axes(call), input.rank())?;
    Ok(vec![input.clone()])
}

/// The axes of a call, with the default filled in.
pub(crate) fn axes(call: &Call<'_>) -> Vec<usize> {
    match call.optional_ints("axes") {
        Some(axes) => axes.to_vec(),
        None => (0..call.operand("input").rank()).collect(),
    }
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{move_elements, strides};
    let shape = &arguments.operand("input").shape;
    let (packed, axes) = (strides(shape), axes(arguments));
    move_elements(arguments.operands[0], &mut outputs[0], |index| {
        let place = |axis: usize| if axes.contains(&axis) { shape[axis] - 1 - index[axis] } else { index[axis] };
        (0..shape.len()).map(|axis| place(axis) * packed[axis]).sum()
    });
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let (shape, axes) = (&emitter.operand("input").shape, axes(emitter));
    crate::backends::webgpu::remap(emitter, &|axis, o| {
        if axes.contains(&axis) { format!("let a{axis} = {}u - {o};\n", shape[axis] - 1) } else { format!("let a{axis} = {o};\n") }
    })
}

//! A part of a tensor.

use super::rule::one_per_axis;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The part that begins at `starts` and spans `sizes`, every `strides`-th element of it.
    ///
    /// **Shapes** size `k` is `ceil(sizes[k] / strides[k])`.
    /// **Types** all.
    /// **Errors** lists that are not one entry per axis; a size or stride of 0; a stride above its size; a part that leaves the input.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-slice>
    slice "slice" SLICE (input: operand, starts: ints, sizes: ints)
    options SliceOptions {
        /// Steps; 1 if absent.
        strides: ints,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, starts, sizes) = (call.operand("input"), call.ints("starts"), call.ints("sizes"));
    one_per_axis("starts", starts, input.rank())?;
    one_per_axis("sizes", sizes, input.rank())?;
    if let Some(strides) = call.optional_ints("strides") {
        one_per_axis("strides", strides, input.rank())?;
    }
    let mut shape = Vec::with_capacity(sizes.len());
    for axis in 0..input.rank() {
        let stride = call.optional_ints("strides").map_or(1, |strides| strides[axis]);
        if sizes[axis] == 0 || stride == 0 {
            return Err(format!("axis {axis}: a size or stride of 0"));
        }
        if stride > sizes[axis] {
            return Err(format!("axis {axis}: the stride {stride} is above the size {}", sizes[axis]));
        }
        if starts[axis].checked_add(sizes[axis]).is_none_or(|end| end > input.shape[axis]) {
            let (start, size, whole) = (starts[axis], sizes[axis], input.shape[axis]);
            return Err(format!("axis {axis}: {size} elements from {start} leave the input's {whole}"));
        }
        shape.push(sizes[axis].div_ceil(stride));
    }
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{move_elements, offset, strides};
    let packed = strides(&arguments.operand("input").shape);
    let start = offset(arguments.ints("starts"), &packed);
    let steps = arguments.optional_ints("strides");
    let walked: Vec<usize> = packed.iter().enumerate().map(|(axis, stride)| stride * steps.map_or(1, |steps| steps[axis])).collect();
    move_elements(arguments.operands[0], &mut outputs[0], |index| start + offset(index, &walked));
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let packed = crate::backends::webgpu::packed_strides(&emitter.operand("input").shape);
    let start = emitter.ints("starts").iter().zip(&packed).map(|(start, stride)| start * stride).sum();
    let steps = emitter.optional_ints("strides");
    let walked = packed.iter().enumerate().map(|(axis, stride)| stride * steps.map_or(1, |steps| steps[axis])).collect();
    emitter.view(emitter.outputs[0], start, walked)
}

//! A tensor cut along one axis.

use super::rule::{below_rank, tensor_count};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The tensor cut along `axis` into parts of these sizes.
    ///
    /// **Shapes** the input's, with each of `splits` in place of `axis`.
    /// **Types** all.
    /// **Errors** an axis out of range; more than 8192 parts; sizes of 0 or that do not add up to the axis.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-split>
    split "split" SPLIT (input: operand, splits: ints) -> list
    options SplitOptions {
        /// The axis to cut.
        axis: int = 0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, splits, axis) = (call.operand("input"), call.ints("splits"), call.int("axis"));
    below_rank(axis, input.rank())?;
    tensor_count("splits", splits.len())?;
    let whole = input.shape[axis];
    if splits.is_empty() || splits.contains(&0) {
        return Err(String::from("`splits` is empty or has a size of 0"));
    }
    if splits.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)) != Some(whole) {
        return Err(format!("`splits` {splits:?} must add up to the size {whole} of axis {axis}"));
    }
    let part = |size: usize| {
        let mut shape = input.shape.clone();
        shape[axis] = size;
        OperandDescriptor { data_type: input.data_type, shape }
    };
    Ok(splits.iter().copied().map(part).collect())
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let outer: usize = arguments.operand("input").shape[..arguments.int("axis")].iter().product();
    let input = arguments.operands[0];
    let row = input.len() / outer.max(1);
    let mut start = 0;
    for output in outputs {
        let part = output.bytes.len() / outer.max(1);
        for index in 0..outer {
            output.bytes[index * part..][..part].copy_from_slice(&input[index * row + start..][..part]);
        }
        start += part;
    }
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let (packed, axis) = (crate::backends::webgpu::packed_strides(&emitter.operand("input").shape), emitter.int("axis"));
    let mut offset = 0;
    for output in emitter.outputs {
        emitter.view(*output, offset, packed.clone())?;
        offset += emitter.shape_of(*output)[axis] * packed[axis];
    }
    Ok(())
}

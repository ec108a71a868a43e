//! Tensors one after another.

use super::rule::{below_rank, same_type, tensor_count};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Tensors one after another along `axis`.
    ///
    /// **Shapes** equal but for `axis`, whose sizes add up.
    /// **Types** all; the inputs have one type.
    /// **Errors** no inputs or more than 8192, an axis out of range, shapes or types that differ.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-concat>
    concat "concat" CONCAT (inputs: operands, axis: int)
    rule rule;
    kernel kernel;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (inputs, axis) = (call.operands("inputs"), call.int("axis"));
    let Some((first, rest)) = inputs.split_first() else {
        return Err(String::from("`inputs` is empty"));
    };
    below_rank(axis, first.rank())?;
    tensor_count("inputs", inputs.len())?;
    let mut output = (*first).clone();
    for (index, input) in rest.iter().enumerate() {
        same_type(first, input, &format!("input {}", index + 1))?;
        let alike =
            input.rank() == first.rank() && (0..first.rank()).all(|other| other == axis || input.shape[other] == first.shape[other]);
        if !alike {
            return Err(format!("input {} has shape {:?}, but only axis {axis} may differ from {:?}", index + 1, input.shape, first.shape));
        }
        output.shape[axis] += input.shape[axis];
    }
    Ok(vec![output])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let axis = arguments.int("axis");
    let outer: usize = outputs[0].shape()[..axis].iter().product();
    let row = outputs[0].bytes.len() / outer.max(1);
    let mut start = 0;
    for input in arguments.operands {
        let part = input.len() / outer.max(1);
        for index in 0..outer {
            outputs[0].bytes[index * row + start..][..part].copy_from_slice(&input[index * part..][..part]);
        }
        start += part;
    }
}

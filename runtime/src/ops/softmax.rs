//! Softmax over one axis.

use super::rule::{FLOATS, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Exponentials that sum to 1 along `axis`. `output = exp(input - max) / sum(exp(input - max))`
    ///
    /// **Shapes** as the input.
    /// **Types** float32, float16.
    /// **Errors** an axis out of range.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softmax-method>
    softmax "softmax" SOFTMAX (input: operand, axis: int)
    rule rule;
    kernel kernel;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, axis) = (call.operand("input"), call.int("axis"));
    one_of(input, "input", FLOATS)?;
    if axis >= input.rank() {
        return Err(format!("`axis` {axis} is not below the rank {}", input.rank()));
    }
    Ok(vec![input.clone()])
}

//! Normalisation over chosen axes.

use super::rule::{FLOATS, one_of, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Normalises over `axes`. `output = (input - mean) / sqrt(variance + epsilon) * scale + bias`
    ///
    /// **Shapes** as the input; `scale` and `bias` have the sizes of the axes, in the axes' order.
    /// **Types** float32, float16.
    /// **Errors** an axis out of range or given twice; a scale or bias of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-layernorm>
    layer_normalization "layerNormalization" LAYER_NORMALIZATION (input: operand)
    options LayerNormalizationOptions {
        /// Factors; 1 if absent.
        scale: operand,
        /// Summands; 0 if absent.
        bias: operand,
        /// The axes; all but the first if absent.
        axes: ints,
        /// Added to the variance.
        epsilon: float = 1e-5,
    }
    rule rule;
    kernel kernel;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    let axes = axes(call);
    for (index, &axis) in axes.iter().enumerate() {
        if axis >= input.rank() {
            return Err(format!("axis {axis} is not below the rank {}", input.rank()));
        }
        if axes[..index].contains(&axis) {
            return Err(format!("axis {axis} is given twice"));
        }
    }
    let expected: Vec<usize> = axes.iter().map(|&axis| input.shape[axis]).collect();
    for name in ["scale", "bias"] {
        if let Some(operand) = call.optional_operand(name) {
            same_type(input, operand, &format!("`{name}`"))?;
            if operand.shape != expected {
                return Err(format!("`{name}` must have shape {expected:?}, found {:?}", operand.shape));
            }
        }
    }
    Ok(vec![input.clone()])
}

/// The axes of a call, with the default filled in.
pub(crate) fn axes(call: &Call<'_>) -> Vec<usize> {
    match call.optional_ints("axes") {
        Some(axes) => axes.to_vec(),
        None => (1..call.operand("input").rank()).collect(),
    }
}

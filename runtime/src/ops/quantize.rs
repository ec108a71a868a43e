//! Floats as small integers and back.

use super::rule::{FLOATS, one_of, same_type};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

operator! {
    /// Integers as floats. `output = (input - zero_point) * scale`
    ///
    /// **Shapes** as the input; `scale` and `zero_point` are alike and divide it: each of their elements serves a block of the input.
    /// **Types** int8, uint8, int32, uint32, int4, uint4, `zero_point` as the input → the type of `scale`, float32 or float16.
    /// **Errors** ranks that differ, a scale whose sizes do not divide the input's, a zero point of another shape or type.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-dequantizelinear>
    dequantize_linear "dequantizeLinear" DEQUANTIZE_LINEAR (input: operand, scale: operand, zero_point: operand)
    rule dequantize_rule;
    kernel kernels::dequantize_linear;
}

operator! {
    /// Floats as integers. `output = clamp(round_even(input / scale) + zero_point, least, greatest)` of the integer type; NaN becomes the zero point
    ///
    /// **Shapes** as the input; `scale` and `zero_point` are alike and divide it: each of their elements serves a block of the input.
    /// **Types** float32, float16, `scale` as the input → the type of `zero_point`: int8, uint8, int32, uint32, int4, uint4.
    /// **Errors** ranks that differ, a scale whose sizes do not divide the input's, a zero point of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-quantizelinear>
    quantize_linear "quantizeLinear" QUANTIZE_LINEAR (input: operand, scale: operand, zero_point: operand)
    rule quantize_rule;
    kernel kernels::quantize_linear;
}

const QUANTIZED: &[DataType] =
    &[DataType::Int8, DataType::Uint8, DataType::Int32, DataType::Uint32, DataType::Int4, DataType::Uint4];

fn dequantize_rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, scale) = (call.operand("input"), call.operand("scale"));
    one_of(input, "input", QUANTIZED)?;
    one_of(scale, "scale", FLOATS)?;
    same_type(input, call.operand("zero_point"), "`zero_point`")?;
    shapes(call, scale.data_type)
}

fn quantize_rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, zero_point) = (call.operand("input"), call.operand("zero_point"));
    one_of(input, "input", FLOATS)?;
    one_of(zero_point, "zero_point", QUANTIZED)?;
    same_type(input, call.operand("scale"), "`scale`")?;
    shapes(call, zero_point.data_type)
}

/// Blocks: every size of the scale divides the input's.
fn shapes(call: &Call<'_>, data_type: DataType) -> Result<Vec<OperandDescriptor>, String> {
    let [input, scale, zero_point] = ["input", "scale", "zero_point"].map(|name| &call.operand(name).shape);
    if scale != zero_point {
        return Err(format!("`zero_point` must have the shape of `scale`, {scale:?}, found {zero_point:?}"));
    }
    if scale.len() != input.len() || input.iter().zip(scale).any(|(size, blocks)| *blocks == 0 || size % blocks != 0) {
        return Err(format!("`scale` {scale:?} does not divide the input {input:?} into blocks"));
    }
    Ok(vec![OperandDescriptor { data_type, shape: input.clone() }])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Output, each_index, strides};

    fn blocks(arguments: &Arguments<'_>, outputs: &mut [Output<'_>], function: fn(f64, f64, f64) -> f64) {
        let [shape, blocks] = ["input", "scale"].map(|name| &arguments.operand(name).shape);
        let [input, scale, zero_point] = ["input", "scale", "zero_point"].map(|name| arguments.numbers(name));
        let packed = strides(blocks);
        let mut output = vec![0.0; input.len()];
        each_index(shape, |number, index| {
            let block: usize = (0..shape.len()).map(|axis| index[axis] / (shape[axis] / blocks[axis]) * packed[axis]).sum();
            output[number] = function(input[number], scale[block], zero_point[block]);
        });
        outputs[0].store(&output);
    }

    pub(super) fn dequantize_linear(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        blocks(arguments, outputs, |x, scale, zero_point| (x - zero_point) * scale);
    }

    pub(super) fn quantize_linear(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        blocks(arguments, outputs, |x, scale, zero_point| {
            let steps = (x / scale).round_ties_even();
            // NaN is no number of steps.
            zero_point + if steps.is_nan() { 0.0 } else { steps }
        });
    }
}

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
    wgsl wgsl::dequantize_linear;
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
    wgsl wgsl::quantize_linear;
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

#[cfg(feature = "webgpu")]
mod wgsl {
    use crate::backends::webgpu::{Emitter, Form, cast, coordinates, packed_strides};
    use crate::error::Result;
    use crate::graph::DataType;

    /// The element that `formula` makes of those of the ports; `block` is the number of the one in the scales that serves it.
    fn blocks(emitter: &mut Emitter<'_>, formula: &str) -> Result<()> {
        let output = emitter.output.clone();
        let [shape, blocks] = ["input", "scale"].map(|name| &emitter.operand(name).shape);
        let mut shader = emitter.shader();
        for name in ["input", "scale", "zero_point"] {
            shader.read(name, &emitter.tensor(name)?, 1);
        }
        let mut terms = vec![String::from("0u")];
        for (axis, stride) in packed_strides(blocks).iter().enumerate().filter(|(axis, _)| blocks[*axis] > 1) {
            terms.push(format!("o{axis} / {}u * {stride}u", shape[axis] / blocks[axis]));
        }
        let body = format!(
            "fn element(i: u32) -> {} {{\n{}let block = {};\n{formula}}}\n",
            output.storage.scalar(),
            coordinates("o", "i", shape),
            terms.join(" + ")
        );
        emitter.element(shader, &output, Form::One, &body)
    }

    pub(super) fn dequantize_linear(emitter: &mut Emitter<'_>) -> Result<()> {
        // The difference of 32-bit integers may leave them: it is one of floats, exact for small ones.
        let difference = match emitter.operand("input").data_type {
            DataType::Int32 | DataType::Uint32 => {
                "let x = input(i);\nlet zero = zero_point(block);\nlet less = x < zero;\n\
                 let size = select(bitcast<u32>(x) - bitcast<u32>(zero), bitcast<u32>(zero) - bitcast<u32>(x), less);\n\
                 let difference = select(f32(size), -f32(size), less);\n"
            }
            _ => "let difference = f32(i32(input(i)) - i32(zero_point(block)));\n",
        };
        blocks(emitter, &format!("{difference}return difference * scale(block);\n"))
    }

    /// Small integers are added to as floats, which hold them; of 32 bits the sum is one of integers that stops at their range.
    pub(super) fn quantize_linear(emitter: &mut Emitter<'_>) -> Result<()> {
        let data_type = emitter.operand("zero_point").data_type;
        let rest = match data_type {
            DataType::Int32 => format!(
                "let x = {};\nlet zero = zero_point(block);\nlet sum = x + zero;\n\
                 return select(select(sum, 2147483647, zero > 0 && sum < x), -2147483647 - 1, zero < 0 && sum > x);\n",
                cast("whole", DataType::Float32, DataType::Int32, 1)
            ),
            DataType::Uint32 => String::from(
                "let zero = zero_point(block);\nlet size = m_uint(abs(whole));\nlet sum = size + zero;\n\
                 let down = select(zero - size, 0u, size > zero);\nreturn select(select(sum, 4294967295u, sum < zero), down, whole < 0.0);\n",
            ),
            _ => format!("return {};\n", cast("(whole + f32(zero_point(block)))", DataType::Float32, data_type, 1)),
        };
        blocks(emitter, &format!("let whole = m_number(round(input(i) / scale(block)));\n{rest}"))
    }
}

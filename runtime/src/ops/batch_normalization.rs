//! Normalisation by statistics that are given.

use super::rule::{FLOATS, below_rank, one_of, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Normalises by the mean and variance of each size of `axis`. `output = (input - mean) / sqrt(variance + epsilon) * scale + bias`
    ///
    /// **Shapes** as the input; `mean`, `variance`, `scale` and `bias` have one element per size of `axis`.
    /// **Types** float32, float16; all of one type.
    /// **Errors** an axis out of range; statistics, a scale or a bias of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-batchnorm>
    batch_normalization "batchNormalization" BATCH_NORMALIZATION (input: operand, mean: operand, variance: operand)
    options BatchNormalizationOptions {
        /// Factors; 1 if absent.
        scale: operand,
        /// Summands; 0 if absent.
        bias: operand,
        /// The axis of the channels.
        axis: int = 1,
        /// Added to the variance.
        epsilon: float = 1e-5,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, axis) = (call.operand("input"), call.int("axis"));
    one_of(input, "input", FLOATS)?;
    below_rank(axis, input.rank())?;
    for name in ["mean", "variance", "scale", "bias"] {
        if let Some(operand) = call.optional_operand(name) {
            same_type(input, operand, &format!("`{name}`"))?;
            if operand.shape != [input.shape[axis]] {
                return Err(format!("`{name}` must have shape [{}], found {:?}", input.shape[axis], operand.shape));
            }
        }
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let shape = &arguments.operand("input").shape;
    let axis = arguments.int("axis");
    let inner: usize = shape[axis + 1..].iter().product();
    let (mean, variance) = (arguments.numbers("mean"), arguments.numbers("variance"));
    let [scale, bias] = ["scale", "bias"].map(|name| arguments.optional_numbers(name));
    let epsilon = arguments.float("epsilon");
    let mut output = arguments.numbers("input");
    for (place, x) in output.iter_mut().enumerate() {
        let channel = place / inner % shape[axis];
        let normal = (*x - mean[channel]) / (variance[channel] + epsilon).sqrt();
        *x = normal * scale.as_ref().map_or(1.0, |scale| scale[channel]) + bias.as_ref().map_or(0.0, |bias| bias[channel]);
    }
    outputs[0].store(&output);
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, around, literal};
    let mut shader = emitter.shader();
    for name in ["input", "mean", "variance"] {
        shader.read(name, &emitter.tensor(name)?, 1);
    }
    let mut end = String::new();
    for (name, sign) in [("scale", "*"), ("bias", "+")] {
        if let Some(tensor) = emitter.optional(name)? {
            shader.read(name, &tensor, 1);
            end.push_str(&format!(" {sign} {name}(c)"));
        }
    }
    let [_, channels, inner] = around(&emitter.operand("input").shape, emitter.int("axis"));
    let body = format!(
        "fn element(i: u32) -> f32 {{\nlet c = i / {inner}u % {channels}u;\n\
         return (input(i) - mean(c)) / sqrt(variance(c) + {}){end};\n}}\n",
        literal(emitter.float("epsilon"), "f32")
    );
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

//! Normalisation of each channel of each image.

use super::rule::{FLOATS, one_of, same_type};
use super::window::Image;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Normalises every channel of every image by its own mean and variance. `output = (input - mean) / sqrt(variance + epsilon) * scale + bias`
    ///
    /// **Shapes** `input` in `layout`, the output as the input; `scale` and `bias` have one element per channel.
    /// **Types** float32, float16; all of one type.
    /// **Errors** a rank other than 4; an unknown layout; a scale or bias of another shape.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-instancenorm>
    instance_normalization "instanceNormalization" INSTANCE_NORMALIZATION (input: operand)
    options InstanceNormalizationOptions {
        /// Factors; 1 if absent.
        scale: operand,
        /// Summands; 0 if absent.
        bias: operand,
        /// Added to the variance.
        epsilon: float = 1e-5,
        /// `nchw` or `nhwc`.
        layout: text = "nchw",
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

/// The input, free of its layout.
pub(crate) fn image(call: &Call<'_>) -> Result<Image, String> {
    Image::new("input", &call.operand("input").shape, call.text("layout"))
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    let channels = image(call)?.sizes[1];
    for name in ["scale", "bias"] {
        if let Some(operand) = call.optional_operand(name) {
            same_type(input, operand, &format!("`{name}`"))?;
            if operand.shape != [channels] {
                return Err(format!("`{name}` must have shape [{channels}], found {:?}", operand.shape));
            }
        }
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{each_index, offset};
    let Ok(image) = image(arguments) else { unreachable!("the rule checked it") };
    let [batches, channels, rows, columns] = image.sizes;
    let [scale, bias] = ["scale", "bias"].map(|name| arguments.optional_numbers(name));
    let epsilon = arguments.float("epsilon");
    let mut output = arguments.numbers("input");
    each_index(&[batches, channels], |_, index| {
        let mut places = Vec::with_capacity(rows * columns);
        each_index(&[rows, columns], |_, place| places.push(offset(&[index[0], index[1], place[0], place[1]], &image.strides)));
        let count = places.len() as f64;
        let mean = places.iter().map(|place| output[*place]).sum::<f64>() / count;
        let variance = places.iter().map(|place| (output[*place] - mean).powi(2)).sum::<f64>() / count;
        let (factor, summand) = (scale.as_ref().map_or(1.0, |scale| scale[index[1]]), bias.as_ref().map_or(0.0, |bias| bias[index[1]]));
        places.iter().for_each(|place| output[*place] = (output[*place] - mean) / (variance + epsilon).sqrt() * factor + summand);
    });
    outputs[0].store(&output);
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Normalization, normalization};
    let image = image(emitter).map_err(|reason| emitter.refuse(reason))?;
    let (input, scale, bias) = (emitter.tensor("input")?, emitter.optional("scale")?, emitter.optional("bias")?);
    let (output, written) = (emitter.output.clone(), emitter.written(&emitter.output));
    let norm = Normalization {
        input: &input,
        output: &written,
        rows: (image.sizes[..2].to_vec(), image.strides[..2].to_vec()),
        columns: (image.sizes[2..].to_vec(), image.strides[2..].to_vec()),
        scale: scale.as_ref(),
        bias: bias.as_ref(),
        index: &format!("row % {}u", image.sizes[1]),
        epsilon: emitter.float("epsilon"),
    };
    emitter.push(normalization(&norm, emitter.options, emitter.label)?);
    emitter.narrow(&written, &output)
}

//! Normalisation over chosen axes.

use super::rule::{FLOATS, distinct_axes, one_of, same_type};
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
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    let axes = axes(call);
    distinct_axes(&axes, input.rank())?;
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

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, each_index, for_float, offset, strides};
    let shape = outputs[0].shape().to_vec();
    let packed = strides(&shape);
    let axes = axes(arguments);
    let epsilon = arguments.float("epsilon");
    let outer: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let pick = |from: &[usize], axes: &[usize]| -> Vec<usize> { axes.iter().map(|&axis| from[axis]).collect() };
    let mut offsets = Vec::new();
    each_index(&pick(&shape, &axes), |_, index| offsets.push(offset(index, &pick(&packed, &axes))));
    for_float!(outputs[0].descriptor.data_type, T => {
        let input = arguments.get::<T>("input");
        let (scale, bias) = (arguments.optional::<T>("scale"), arguments.optional::<T>("bias"));
        let output = outputs[0].elements::<T>();
        each_index(&pick(&shape, &outer), |_, index| {
            let start = offset(index, &pick(&packed, &outer));
            let count = offsets.len() as f64;
            let mean = offsets.iter().map(|offset| input[start + offset].to_f64()).sum::<f64>() / count;
            let variance = offsets.iter().map(|offset| (input[start + offset].to_f64() - mean).powi(2)).sum::<f64>() / count;
            for (k, offset) in offsets.iter().enumerate() {
                let normal = (input[start + offset].to_f64() - mean) / (variance + epsilon).sqrt();
                let factor = scale.map_or(1.0, |scale| scale[k].to_f64());
                output[start + offset] = T::from_f64(normal * factor + bias.map_or(0.0, |bias| bias[k].to_f64()));
            }
        });
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{LayerNormalization, Normalization, layer_normalization, normalization, packed_strides};
    let (shape, axes) = (&emitter.operand("input").shape, axes(emitter));
    let outer = shape.len() - axes.len();
    let (input, scale, bias) = (emitter.floats("input")?, emitter.optional("scale")?, emitter.optional("bias")?);
    let (output, written) = (emitter.output.clone(), emitter.written(&emitter.output));
    let (scale, bias, epsilon) = (scale.as_ref(), bias.as_ref(), emitter.float("epsilon"));
    // Of the last axes in order as of one.
    let dispatch = if axes.iter().copied().eq(outer..shape.len()) {
        let (rows, columns) = (shape[..outer].iter().product(), shape[outer..].iter().product());
        let norm = LayerNormalization { input: &input, scale, bias, output: &written, rows, columns, epsilon };
        layer_normalization(&norm, emitter.options, emitter.label)?
    } else {
        let strides = packed_strides(shape);
        let pick = |axes: &[usize]| axes.iter().map(|&axis| (shape[axis], strides[axis])).unzip();
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let (rows, columns) = (pick(&kept), pick(&axes));
        let norm = Normalization { input: &input, output: &written, rows, columns, scale, bias, index: "i", epsilon };
        normalization(&norm, emitter.options, emitter.label)?
    };
    emitter.push(dispatch);
    emitter.narrow(&written, &output)
}

//! Images made larger or smaller.

use super::rule::one_of;
use super::window::{dimension, list};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

operator! {
    /// Two axes resampled to other sizes; an output coordinate `o` reads `clamp((o + 0.5) * input size / output size - 0.5, 0, input size - 1)`.
    ///
    /// **Shapes** the sizes of `axes` become `sizes`, or `floor(size * scale)`.
    /// **Types** float32, float16, uint8, int8.
    /// **Errors** a rank other than 4; an unknown mode; scales that are not above 0; sizes of 0; axes out of range or equal.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-resample2d-method>
    resample2d "resample2d" RESAMPLE2D (input: operand)
    options Resample2dOptions {
        /// `nearest-neighbor`, of which ties go to the smaller coordinate, or `linear`.
        mode: text = "nearest-neighbor",
        /// Factors of the two sizes; 1 if absent.
        scales: floats,
        /// The two sizes, in place of `scales`.
        sizes: ints,
        /// The two axes; 2 and 3 if absent.
        axes: ints,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", &[DataType::Float32, DataType::Float16, DataType::Uint8, DataType::Int8])?;
    if input.rank() != 4 {
        return Err(format!("`input` must have rank 4, found {:?}", input.shape));
    }
    if !["nearest-neighbor", "linear"].contains(&call.text("mode")) {
        return Err(format!("`mode` must be nearest-neighbor or linear, found `{}`", call.text("mode")));
    }
    let scales = match call.optional_floats("scales") {
        None => [1.0; 2],
        Some([a, b]) if [a, b].iter().all(|scale| **scale > 0.0 && scale.is_finite()) => [*a, *b],
        Some(scales) => return Err(format!("`scales` must be two numbers above 0, found {scales:?}")),
    };
    let axes = axes(call)?;
    if axes[0] == axes[1] || axes.iter().any(|axis| *axis >= 4) {
        return Err(format!("`axes` must be two of 0 to 3, found {axes:?}"));
    }
    let sizes = list::<2>(call, "sizes")?;
    let mut shape = input.shape.clone();
    for (index, axis) in axes.into_iter().enumerate() {
        let scaled = (input.shape[axis] as f64 * f64::from(scales[index] as f32)).floor();
        shape[axis] = dimension(sizes.map_or(scaled as i128, |sizes| sizes[index] as i128), "elements along an axis")?;
    }
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

/// The axes of a call, with the default filled in.
pub(crate) fn axes(call: &Call<'_>) -> Result<[usize; 2], String> {
    Ok(list(call, "axes")?.unwrap_or([2, 3]))
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{each_index, offset, strides};
    let Ok(axes) = axes(arguments) else { unreachable!("the rule checked it") };
    let (from, to) = (&arguments.operand("input").shape, outputs[0].shape().to_vec());
    let packed = strides(from);
    let input = arguments.numbers("input");
    let linear = arguments.text("mode") == "linear";
    let coordinate = |axis: usize, index: usize| -> f64 {
        let place = (index as f64 + 0.5) * from[axis] as f64 / to[axis] as f64 - 0.5;
        place.clamp(0.0, from[axis] as f64 - 1.0)
    };
    let mut output = vec![0.0; outputs[0].descriptor.element_count()];
    each_index(&to, |number, index| {
        let places = axes.map(|axis| coordinate(axis, index[axis]));
        let mut index = index.to_vec();
        let mut at = |places: [f64; 2]| {
            axes.iter().zip(places).for_each(|(axis, place)| index[*axis] = place as usize);
            input[offset(&index, &packed)]
        };
        output[number] = if linear {
            let ([y, x], low, high) = (places, places.map(f64::floor), places.map(f64::ceil));
            let (y, x) = (y - low[0], x - low[1]);
            let top = at(low) * (1.0 - x) + at([low[0], high[1]]) * x;
            let bottom = at([high[0], low[1]]) * (1.0 - x) + at(high) * x;
            top * (1.0 - y) + bottom * y
        } else {
            at(places.map(|place| (place - 0.5).ceil()))
        };
    });
    outputs[0].store(&output);
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, coordinates, literal, packed_strides};
    let axes = axes(emitter).map_err(|reason| emitter.refuse(reason))?;
    let (input, shape, output_shape) = (emitter.tensor("input")?, &emitter.operand("input").shape, emitter.output_shape());
    let linear = emitter.text("mode") == "linear";
    let mut shader = emitter.shader();
    shader.read("image", &input, 1);
    let scalar = input.storage.scalar();
    let mut body = format!("fn element(i: u32) -> {scalar} {{\n{}", coordinates("o", "i", output_shape));
    let strides = packed_strides(shape);
    let others: Vec<String> = (0..4).filter(|axis| !axes.contains(axis)).map(|axis| format!("o{axis} * {}u", strides[axis])).collect();
    body.push_str(&format!("let base = {};\n", others.join(" + ")));
    for (name, axis) in ["y", "x"].iter().zip(axes) {
        let (from, to, stride) = (shape[axis], output_shape[axis], strides[axis]);
        // (o + 0.5) · from / to - 0.5 over the common divisor 2 · to: exact in whole numbers, kept inside the axis.
        body.push_str(&format!(
            "let {name}_place = clamp(i32((2u * o{axis} + 1u) * {from}u) - {to}, 0, {});\n\
             let {name}_whole = {name}_place / {divisor};\nlet {name}_part = {name}_place % {divisor};\n",
            2 * to * (from - 1),
            divisor = 2 * to
        ));
        body.push_str(&if linear {
            format!(
                "let {name}0 = u32({name}_whole) * {stride}u;\nlet {name}1 = u32(min({name}_whole + 1, {})) * {stride}u;\n\
                 let {name}f = f32({name}_part) / {};\n",
                from - 1,
                literal(2.0 * to as f64, "f32")
            )
        } else {
            // Ties go to the smaller coordinate.
            format!("let {name} = u32({name}_whole + select(0, 1, {name}_part > {to})) * {stride}u;\n")
        });
    }
    if linear {
        let value = |y: &str, x: &str| format!("f32(image(base + {y} + {x}))");
        let [a, b, c, d] = [value("y0", "x0"), value("y0", "x1"), value("y1", "x0"), value("y1", "x1")];
        // Integers truncate, as a cast does.
        body.push_str(&format!("return {scalar}(mix(mix({a}, {b}, xf), mix({c}, {d}, xf), yf));\n}}\n"));
    } else {
        body.push_str("return image(base + y + x);\n}\n");
    }
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

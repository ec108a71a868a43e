//! Transposed convolution of images.

use super::conv2d::{Convolution, check, groups};
use super::rule::{FLOATS, one_of, same_type};
use super::window::{Image, Window, dimension, list, pick};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Every element of an image spread by a filter. `output[n, o, y·s + ky·d - p, x·s + kx·d - p] += input[n, i, y, x] * filter[i, o, ky, kx]`
    ///
    /// **Shapes** `input` in `input_layout`, `filter` in `filter_layout` with `output channels / groups`, `bias` one per output channel;
    /// rows become `(rows - 1) * stride + (filter rows - 1) * dilation + 1 - padding + output padding`, columns likewise.
    /// **Types** float32, float16; all of one type.
    /// **Errors** ranks other than 4; channels that the groups do not divide or the filter does not match; an output padding that
    /// is not below the stride; output sizes that no input gives.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-convtranspose2d>
    conv_transpose2d "convTranspose2d" CONV_TRANSPOSE2D (input: operand, filter: operand)
    options ConvTranspose2dOptions {
        /// Rows cut off before and after, columns before and after; 0 if absent.
        padding: ints,
        /// Distances in rows and columns to which the input is spread; 1 if absent.
        strides: ints,
        /// Distances of the filter's entries in rows and columns; 1 if absent.
        dilations: ints,
        /// Rows and columns added at the end; 0 if absent.
        output_padding: ints,
        /// Rows and columns of the output, in place of `output_padding`.
        output_sizes: ints,
        /// Parts that the channels are divided into.
        groups: int = 1,
        /// `nchw` or `nhwc`, of input and output.
        input_layout: text = "nchw",
        /// `iohw`, `hwoi` or `ohwi`.
        filter_layout: text = "iohw",
        /// Added to each output channel.
        bias: operand,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

/// Reads and checks the options of a call.
pub(crate) fn convolution(call: &Call<'_>) -> Result<Convolution, String> {
    let layout = call.text("input_layout");
    let input = Image::new("input", &call.operand("input").shape, layout)?;
    let (filter, filter_strides) =
        pick("filter", &call.operand("filter").shape, call.text("filter_layout"), "oihw", &["iohw", "hwoi", "ohwi"])?;
    let window = Window::new(call, [filter[2], filter[3]])?;
    let groups = groups(call)?;
    let [batches, channels, ..] = input.sizes;
    if channels != filter[1] || channels % groups != 0 {
        return Err(format!("the filter reads {} channels in {groups} groups, but the input has {channels}", filter[1]));
    }
    let (padding, sizes) = (list::<2>(call, "output_padding")?.unwrap_or([0; 2]), list::<2>(call, "output_sizes")?);
    let size = |axis: usize| {
        let (least, stride) = (window.spread(axis, input.sizes[2 + axis]), window.strides[axis]);
        match sizes {
            Some(sizes) if (least..least + stride as i128).contains(&(sizes[axis] as i128)) => Ok(sizes[axis] as i128),
            Some(sizes) => Err(format!("`output_sizes` {sizes:?}: {least} and fewer than {stride} more are possible, found {}", sizes[axis])),
            None if padding[axis] >= stride => Err(format!("`output_padding` {padding:?} is not below the strides {:?}", window.strides)),
            None => Ok(least + padding[axis] as i128),
        }
    };
    let (rows, columns) = (dimension(size(0)?, "rows")?, dimension(size(1)?, "columns")?);
    let channels = dimension(filter[0] as i128 * groups as i128, "channels")?;
    let output = Image::packed([batches, channels, rows, columns], layout);
    Ok(Convolution { input, output, window, groups, filter_strides })
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    same_type(call.operand("input"), call.operand("filter"), "`filter`")?;
    check(call, &convolution(call)?)
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{each_index, offset};
    let Ok(c) = convolution(arguments) else { unreachable!("the rule checked it") };
    let (input, filter, bias) = (arguments.numbers("input"), arguments.numbers("filter"), arguments.optional_numbers("bias"));
    let mut output = vec![0.0; outputs[0].descriptor.element_count()];
    let [group_inputs, group_outputs] = [&c.input, &c.output].map(|image| image.sizes[1] / c.groups);
    each_index(&c.input.sizes, |_, index| {
        let [batch, channel, row, column] = *index else { return };
        let number = input[offset(index, &c.input.strides)];
        each_index(&[group_outputs, c.window.sizes[0], c.window.sizes[1]], |_, entry| {
            let row = c.window.place(0, row, entry[1], c.output.sizes[2]);
            let column = c.window.place(1, column, entry[2], c.output.sizes[3]);
            if let (Some(row), Some(column)) = (row, column) {
                let to = [batch, channel / group_inputs * group_outputs + entry[0], row, column];
                output[offset(&to, &c.output.strides)] += number * filter[offset(&[entry[0], channel, entry[1], entry[2]], &c.filter_strides)];
            }
        });
    });
    if let Some(bias) = bias {
        each_index(&c.output.sizes, |_, index| output[offset(index, &c.output.strides)] += bias[index[1]]);
    }
    outputs[0].store(&output);
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    // Each output element gathers what the input spreads to it.
    use crate::backends::webgpu::{Form, window};
    let c = convolution(emitter).map_err(|reason| emitter.refuse(reason))?;
    let (inputs, outputs) = (c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
    let mut shader = emitter.shader();
    let bias = window::ports(emitter, &mut shader)?;
    shader.turns(c.window.sizes.iter().product::<usize>().saturating_mul(inputs));
    // The input's place times the stride is the output's place before the padding is cut, less the entry's: it must divide.
    let along = |name: &str, axis: usize, position: &str, entry: &str| {
        let (stride, dilation, padding) = (c.window.strides[axis], c.window.dilations[axis], c.window.padding[2 * axis]);
        format!(
            "let {name}_at = {position} + {padding}u - {entry} * {dilation}u;\nlet {name} = {name}_at / {stride}u;\n\
             if ({position} + {padding}u < {entry} * {dilation}u || {name}_at % {stride}u != 0u || {name} >= {}u) {{ continue; }}\n",
            c.input.sizes[2 + axis]
        )
    };
    let body = format!(
        "fn element(i: u32) -> f32 {{\n{}var sum = {bias};\nlet first = c / {outputs}u * {inputs}u;\nlet own = c % {outputs}u;\n\
         for (var ky = 0u; ky < {}u; ky++) {{\n{}for (var kx = 0u; kx < {}u; kx++) {{\n{}\
         for (var k = 0u; k < {inputs}u; k++) {{\nlet channel = first + k;\nsum += image({}) * filters({});\n}}\n}}\n}}\nreturn sum;\n}}\n",
        window::coordinates(&c.output),
        c.window.sizes[0],
        along("row", 0, "y", "ky"),
        c.window.sizes[1],
        along("column", 1, "x", "kx"),
        window::place(&c.input.strides, ["n", "channel", "row", "column"]),
        window::place(&c.filter_strides, ["own", "channel", "ky", "kx"]),
    );
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

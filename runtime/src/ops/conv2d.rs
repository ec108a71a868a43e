//! Convolution of images.

use super::rule::{FLOATS, one_of, same_type};
use super::window::{Image, Window, dimension, pick};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Sums of an image under a moving filter. `output[n, o, y, x] = Σ input[n, i, y·s + ky·d - p, x·s + kx·d - p] * filter[o, i, ky, kx] + bias[o]`
    ///
    /// **Shapes** `input` in `input_layout`, `filter` in `filter_layout` with `channels / groups` input channels, `bias` one per output
    /// channel; rows become `floor((rows + padding - (filter rows - 1) * dilation - 1) / stride) + 1`, columns likewise.
    /// **Types** float32, float16; all of one type.
    /// **Errors** ranks other than 4; channels that the groups do not divide or the filter does not match; a filter that does not fit.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-conv2d>
    conv2d "conv2d" CONV2D (input: operand, filter: operand)
    options Conv2dOptions {
        /// Rows before and after, columns before and after; 0 if absent.
        padding: ints,
        /// Steps of the filter in rows and columns; 1 if absent.
        strides: ints,
        /// Distances of the filter's entries in rows and columns; 1 if absent.
        dilations: ints,
        /// Parts that the channels are divided into; each output channel reads one part.
        groups: int = 1,
        /// `nchw` or `nhwc`, of input and output.
        input_layout: text = "nchw",
        /// `oihw`, `hwio`, `ohwi` or `ihwo`.
        filter_layout: text = "oihw",
        /// Added to each output channel.
        bias: operand,
    }
    rule rule;
    kernel kernel;
}

/// A convolution free of layouts; `conv_transpose2d` is one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Convolution {
    pub(crate) input: Image,
    pub(crate) output: Image,
    pub(crate) window: Window,
    pub(crate) groups: usize,
    /// Strides of the filter over `[output channel, input channel, row, column]`: of `conv2d` every output channel and the input
    /// channels of one group; of `conv_transpose2d` the output channels of one group and every input channel.
    pub(crate) filter_strides: [usize; 4],
}

impl Convolution {
    /// Reads and checks the options of a `conv2d`.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, String> {
        let layout = call.text("input_layout");
        let input = Image::new("input", &call.operand("input").shape, layout)?;
        let (filter, filter_strides) =
            pick("filter", &call.operand("filter").shape, call.text("filter_layout"), "oihw", &["oihw", "hwio", "ohwi", "ihwo"])?;
        let window = Window::new(call, [filter[2], filter[3]])?;
        window.check(&input)?;
        let [batches, channels, ..] = input.sizes;
        let groups = groups(call)?;
        if channels % groups != 0 || channels / groups != filter[1] {
            return Err(format!("the filter reads {} channels, but {channels} in {groups} groups are {}", filter[1], channels / groups));
        }
        if filter[0] % groups != 0 {
            return Err(format!("{groups} groups do not divide the {} output channels", filter[0]));
        }
        let [rows, columns] = [0, 1].map(|axis| window.positions(axis, input.sizes[2 + axis]).0);
        let sizes = [batches, filter[0], dimension(rows, "rows")?, dimension(columns, "columns")?];
        Ok(Self { input, output: Image::packed(sizes, layout), window, groups, filter_strides })
    }
}

/// The option `groups`.
pub(super) fn groups(call: &Call<'_>) -> Result<usize, String> {
    match call.int("groups") {
        0 => Err(String::from("`groups` is 0")),
        groups => Ok(groups),
    }
}

/// Types of all operands, and the shape of the bias.
pub(super) fn check(call: &Call<'_>, convolution: &Convolution) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    if let Some(bias) = call.optional_operand("bias") {
        same_type(input, bias, "`bias`")?;
        if bias.shape != [convolution.output.sizes[1]] {
            return Err(format!("`bias` must have shape [{}], found {:?}", convolution.output.sizes[1], bias.shape));
        }
    }
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: convolution.output.shape(call.text("input_layout")) }])
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    same_type(call.operand("input"), call.operand("filter"), "`filter`")?;
    check(call, &Convolution::of(call)?)
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{each_index, offset};
    let Ok(c) = Convolution::of(arguments) else { unreachable!("the rule checked it") };
    let (input, filter, bias) = (arguments.numbers("input"), arguments.numbers("filter"), arguments.optional_numbers("bias"));
    let mut output = vec![0.0; outputs[0].descriptor.element_count()];
    let [group_inputs, group_outputs] = [&c.input, &c.output].map(|image| image.sizes[1] / c.groups);
    each_index(&c.output.sizes, |_, index| {
        let [batch, channel, row, column] = *index else { return };
        let mut sum = 0.0;
        each_index(&[group_inputs, c.window.sizes[0], c.window.sizes[1]], |_, entry| {
            let row = c.window.place(0, row, entry[1], c.input.sizes[2]);
            let column = c.window.place(1, column, entry[2], c.input.sizes[3]);
            if let (Some(row), Some(column)) = (row, column) {
                let from = [batch, channel / group_outputs * group_inputs + entry[0], row, column];
                sum += input[offset(&from, &c.input.strides)] * filter[offset(&[channel, entry[0], entry[1], entry[2]], &c.filter_strides)];
            }
        });
        output[offset(index, &c.output.strides)] = sum + bias.as_ref().map_or(0.0, |bias| bias[channel]);
    });
    outputs[0].store(&output);
}

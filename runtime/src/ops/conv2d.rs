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
    wgsl wgsl;
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

/// A matrix product whose one side is read out of the image where it is needed (an implicit GEMM): the filters times the windows' contents
/// where channels come first, the contents times the filters where they come last. Groups of channels are batches of that product where
/// channels come first. What does not fit this (groups where channels come last, filters stored otherwise) is one invocation an output
/// element.
#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, window};
    let c = Convolution::of(emitter).map_err(|reason| emitter.refuse(reason))?;
    if let Some(product) = product::Product::of(&c) {
        return product.emit(&c, emitter);
    }
    let (inputs, outputs) = (c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
    let mut shader = emitter.shader();
    let bias = window::ports(emitter, &mut shader)?;
    shader.turns(c.window.sizes.iter().product::<usize>().saturating_mul(inputs));
    let body = format!(
        "fn element(i: u32) -> f32 {{\n{}var sum = {bias};\nlet first = c / {outputs}u * {inputs}u;\n\
         for (var ky = 0u; ky < {}u; ky++) {{\nfor (var kx = 0u; kx < {}u; kx++) {{\n{}\
         if (row >= {}u || column >= {}u) {{ continue; }}\n\
         for (var k = 0u; k < {inputs}u; k++) {{\nlet channel = first + k;\nsum += image({}) * filters({});\n}}\n}}\n}}\nreturn sum;\n}}\n",
        window::coordinates(&c.output),
        c.window.sizes[0],
        c.window.sizes[1],
        window::entry(&c.window),
        c.input.sizes[2],
        c.input.sizes[3],
        window::place(&c.input.strides, ["n", "channel", "row", "column"]),
        window::place(&c.filter_strides, ["c", "k", "ky", "kx"]),
    );
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

#[cfg(feature = "webgpu")]
mod product {
    use super::Convolution;
    use crate::backends::webgpu::{Emitter, Product as MatrixProduct, window};
    use crate::error::Result;

    /// How a convolution is a product.
    pub(super) struct Product {
        /// Channels come first: the filters are the left side.
        channels_first: bool,
        /// The filter's entries in the order of the inner axis: channel first, or row first.
        channel_major: bool,
        /// The filter is `[outputs, inner]`, else `[inner, outputs]`.
        by_output: bool,
    }

    impl Product {
        pub(super) fn of(c: &Convolution) -> Option<Self> {
            let [outputs, inputs, rows, columns] = [c.output.sizes[1], c.input.sizes[1] / c.groups, c.window.sizes[0], c.window.sizes[1]];
            let channels_first = c.output.strides[3] == 1 || c.output.sizes[1] == 1;
            let entries = rows * columns;
            // Strides of axes of one element say nothing.
            let is = |expected: [usize; 4]| {
                c.filter_strides.iter().zip(expected).zip([outputs, inputs, rows, columns]).all(|((a, b), size)| size == 1 || *a == b)
            };
            let (channel_major, by_output) = match () {
                () if is([inputs * entries, entries, columns, 1]) => (true, true),
                () if is([inputs * entries, 1, columns * inputs, inputs]) => (false, true),
                () if is([1, entries * outputs, columns * outputs, outputs]) => (true, false),
                () if is([1, outputs, columns * inputs * outputs, inputs * outputs]) => (false, false),
                () => return None,
            };
            // The product takes its left side by rows, and batches of it whole.
            let fits = if channels_first { by_output } else { c.groups == 1 };
            fits.then_some(Self { channels_first, channel_major, by_output })
        }

        pub(super) fn emit(&self, c: &Convolution, emitter: &mut Emitter<'_>) -> Result<()> {
            let (input, filter, bias) = (emitter.tensor("input")?, emitter.tensor("filter")?, emitter.optional("bias")?);
            let (groups, inputs, outputs) = (c.groups, c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
            let [batches, _, height, width] = c.output.sizes;
            let (inner, positions) = (inputs * c.window.sizes[0] * c.window.sizes[1], height * width);
            let contents = self.contents(c, positions);
            let product = if self.channels_first {
                MatrixProduct {
                    a: &filter,
                    b: &input,
                    rows: outputs,
                    inner,
                    columns: positions,
                    transposed: false,
                    batch: vec![batches, groups],
                    a_strides: vec![0, outputs * inner],
                    b_strides: vec![groups, 1],
                    bias: bias.as_ref(),
                    bias_groups: Some(groups),
                    contents_of_a: None,
                    contents_of_b: Some(&contents),
                }
            } else {
                // The rows of all batches follow one another, in the contents as in the output.
                MatrixProduct {
                    a: &input,
                    b: &filter,
                    rows: batches * positions,
                    inner,
                    columns: outputs,
                    transposed: self.by_output,
                    batch: vec![],
                    a_strides: vec![],
                    b_strides: vec![],
                    bias: bias.as_ref(),
                    bias_groups: None,
                    contents_of_a: Some(&contents),
                    contents_of_b: None,
                }
            };
            product.emit(emitter)
        }

        /// `fn contents(batch: u32, k: u32, at: u32) -> f32`: entry `k` of the window at position `at`. The batch is that of images and groups
        /// where channels come first, else positions go on from image to image.
        fn contents(&self, c: &Convolution, positions: usize) -> String {
            let (groups, inputs) = (c.groups, c.input.sizes[1] / c.groups);
            let [rows, columns] = c.window.sizes;
            let width = c.output.sizes[3];
            let (p, n) = if self.channels_first {
                (String::from("at"), format!("batch / {groups}u"))
            } else {
                (format!("at % {positions}u"), format!("at / {positions}u"))
            };
            let entries = rows * columns;
            let (channel, ky, kx) = if self.channel_major {
                (format!("k / {entries}u"), format!("k / {columns}u % {rows}u"), format!("k % {columns}u"))
            } else {
                (format!("k % {inputs}u"), format!("k / {}u", columns * inputs), format!("k / {inputs}u % {columns}u"))
            };
            let group = if groups > 1 { format!("batch % {groups}u * {inputs}u + ") } else { String::new() };
            let mut text = format!(
                "fn contents(batch: u32, k: u32, at: u32) -> f32 {{\nlet n = {n};\nlet p = {p};\n\
                 let y = p / {width}u;\nlet x = p % {width}u;\nlet ky = {ky};\nlet kx = {kx};\n{}let c = {group}{channel};\n",
                window::entry(&c.window)
            );
            if window::inside(&c.window, &c.input, &c.output) {
                return text + &format!("return image({});\n}}\n", window::place(&c.input.strides, ["n", "c", "row", "column"]));
            }
            // Without a branch: SwiftShader's compiler takes minutes and gigabytes for a tile of these calls with one each.
            let [_, _, height, width] = c.input.sizes;
            text.push_str(&format!(
                "let inside_row = min(row, {}u);\nlet inside_column = min(column, {}u);\n\
                 return select(0.0, image({}), (row < {height}u) & (column < {width}u));\n}}\n",
                height.saturating_sub(1),
                width.saturating_sub(1),
                window::place(&c.input.strides, ["n", "c", "inside_row", "inside_column"])
            ));
            text
        }
    }
}

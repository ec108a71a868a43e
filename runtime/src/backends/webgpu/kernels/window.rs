//! Convolutions and pools: images under moving windows.
//!
//! A convolution is a matrix product whose one side is read out of the image where it is needed (an implicit GEMM): the filters times
//! the windows' contents where channels come first, the contents times the filters where they come last. Groups of channels are batches
//! of that product where channels come first. What does not fit this (groups where channels come last, filters stored otherwise) is one
//! invocation an output element, as are transposed convolutions and pools.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor};
use super::element::{Form, element};
use super::expression::literal;
use super::matmul::{Matmul, Side, matmul};
use crate::error::Result;
use crate::ops::conv2d::Convolution;
use crate::ops::pool2d::Pool;
use crate::ops::window::{Image, Window};

/// A convolution's tensors.
pub(in crate::backends::webgpu) struct Operands<'a> {
    pub(in crate::backends::webgpu) input: &'a Tensor,
    pub(in crate::backends::webgpu) filter: &'a Tensor,
    pub(in crate::backends::webgpu) bias: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) output: &'a Tensor,
}

/// Statements that name the image's coordinates of output element `i`: `n`, `c`, `y`, `x`.
fn coordinates(image: &Image) -> String {
    let mut text = String::new();
    let mut axes: Vec<(usize, &str)> = (0..4).zip(["n", "c", "y", "x"]).collect();
    axes.sort_by_key(|(axis, _)| std::cmp::Reverse(image.strides[*axis]));
    // Where strides are equal, one of the axes has one element.
    for (axis, name) in axes {
        let (size, stride) = (image.sizes[axis], image.strides[axis]);
        let _ = match size {
            1 => writeln!(text, "let {name} = 0u;"),
            _ => writeln!(text, "let {name} = i / {stride}u % {size}u;"),
        };
    }
    text
}

/// `n * … + c * … + y * … + x * …`
fn place(strides: &[usize; 4], names: [&str; 4]) -> String {
    let terms = strides.iter().zip(names).map(|(stride, name)| if *stride == 1 { name.to_owned() } else { format!("{name} * {stride}u") });
    terms.collect::<Vec<_>>().join(" + ")
}

/// Statements that name `row` and `column`, where entry `(ky, kx)` of the window at `(y, x)` lies. They wrap below 0, and so leave the image.
fn entry(window: &Window) -> String {
    let along = |name: &str, axis: usize, position: &str, entry: &str| {
        let (stride, dilation, padding) = (window.strides[axis], window.dilations[axis], window.padding[2 * axis]);
        format!("let {name} = {position} * {stride}u + {entry} * {dilation}u - {padding}u;\n")
    };
    along("row", 0, "y", "ky") + &along("column", 1, "x", "kx")
}

/// True where no window leaves the image.
fn inside(window: &Window, input: &Image, output: &Image) -> bool {
    (0..2).all(|axis| {
        let last = (output.sizes[2 + axis] - 1) * window.strides[axis] + (window.sizes[axis] - 1) * window.dilations[axis];
        window.padding[2 * axis] == 0 && last < input.sizes[2 + axis]
    })
}

/// The dispatch of a `conv2d`; the output's storage is float32 where [`as_product`] holds.
pub(in crate::backends::webgpu) fn convolution(
    convolution: &Convolution,
    operands: &Operands<'_>,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    match Product::of(convolution) {
        Some(product) => product.dispatch(convolution, operands, options, label),
        None => direct(convolution, operands, options, label),
    }
}

/// True where [`convolution`] is a matrix product.
pub(in crate::backends::webgpu) fn as_product(convolution: &Convolution) -> bool {
    Product::of(convolution).is_some()
}

/// How a convolution is a product.
struct Product {
    /// Channels come first: the filters are the left side.
    channels_first: bool,
    /// The filter's entries in the order of the inner axis: channel first, or row first.
    channel_major: bool,
    /// The filter is `[outputs, inner]`, else `[inner, outputs]`.
    by_output: bool,
}

impl Product {
    fn of(c: &Convolution) -> Option<Self> {
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

    fn dispatch(&self, c: &Convolution, operands: &Operands<'_>, options: &Options, label: &str) -> Result<Dispatch> {
        let (groups, inputs, outputs) = (c.groups, c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
        let [batches, _, height, width] = c.output.sizes;
        let (inner, positions) = (inputs * c.window.sizes[0] * c.window.sizes[1], height * width);
        let contents = self.contents(c, positions);
        let mut sizes = Matmul {
            a: operands.filter,
            b: operands.input,
            output: operands.output,
            rows: outputs,
            inner,
            columns: positions,
            output_columns: positions,
            first_column: 0,
            transposed: false,
            batch: vec![batches, groups],
            a_strides: vec![0, outputs * inner],
            b_strides: vec![groups, 1],
            bias: operands.bias,
            bias_groups: Some(groups),
            residual: None,
            activation: None,
            contents: Some((Side::B, &contents)),
        };
        if !self.channels_first {
            // The rows of all batches follow one another, in the contents as in the output.
            sizes = Matmul {
                a: operands.input,
                b: operands.filter,
                rows: batches * positions,
                columns: outputs,
                output_columns: outputs,
                transposed: self.by_output,
                batch: vec![],
                a_strides: vec![],
                b_strides: vec![],
                bias_groups: None,
                contents: Some((Side::A, &contents)),
                ..sizes
            };
        }
        matmul(&sizes, options, label)
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
        let mut text = format!(
            "fn contents(batch: u32, k: u32, at: u32) -> f32 {{\nlet n = {n};\nlet p = {p};\n\
             let y = p / {width}u;\nlet x = p % {width}u;\nlet ky = {ky};\nlet kx = {kx};\n{}",
            entry(&c.window)
        );
        let group = if groups > 1 { format!("batch % {groups}u * {inputs}u + ") } else { String::new() };
        let _ = writeln!(text, "let c = {group}{channel};");
        if inside(&c.window, &c.input, &c.output) {
            let _ = writeln!(text, "return image({});\n}}", place(&c.input.strides, ["n", "c", "row", "column"]));
        } else {
            // Without a branch: SwiftShader's compiler takes minutes and gigabytes for a tile of these calls with one each.
            let [_, _, height, width] = c.input.sizes;
            let _ = writeln!(
                text,
                "let inside_row = min(row, {}u);\nlet inside_column = min(column, {}u);\n\
                 return select(0.0, image({}), (row < {height}u) & (column < {width}u));\n}}",
                height.saturating_sub(1),
                width.saturating_sub(1),
                place(&c.input.strides, ["n", "c", "inside_row", "inside_column"])
            );
        }
        text
    }
}

/// One invocation an output element.
fn direct(c: &Convolution, operands: &Operands<'_>, options: &Options, label: &str) -> Result<Dispatch> {
    let (inputs, outputs) = (c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
    let mut shader = Shader::new(options, label);
    shader.read("image", operands.input, 1);
    shader.read("filters", operands.filter, 1);
    let bias = bias(&mut shader, operands.bias);
    let body = format!(
        "fn element(i: u32) -> f32 {{\n{}var sum = {bias};\nlet first = c / {outputs}u * {inputs}u;\n\
         for (var ky = 0u; ky < {}u; ky++) {{\nfor (var kx = 0u; kx < {}u; kx++) {{\n{}\
         if (row >= {}u || column >= {}u) {{ continue; }}\n\
         for (var k = 0u; k < {inputs}u; k++) {{\nlet channel = first + k;\nsum += image({}) * filters({});\n}}\n}}\n}}\nreturn sum;\n}}\n",
        coordinates(&c.output),
        c.window.sizes[0],
        c.window.sizes[1],
        entry(&c.window),
        c.input.sizes[2],
        c.input.sizes[3],
        place(&c.input.strides, ["n", "channel", "row", "column"]),
        place(&c.filter_strides, ["c", "k", "ky", "kx"]),
    );
    element(shader, operands.output, Form::One, &body, options)
}

fn bias(shader: &mut Shader<'_>, bias: Option<&Tensor>) -> &'static str {
    match bias {
        Some(bias) => {
            shader.read("bias", bias, 1);
            "bias(c)"
        }
        None => "0.0",
    }
}

/// The dispatch of a `conv_transpose2d`: each output element gathers what the input spreads to it.
pub(in crate::backends::webgpu) fn transposed(
    c: &Convolution,
    operands: &Operands<'_>,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let (inputs, outputs) = (c.input.sizes[1] / c.groups, c.output.sizes[1] / c.groups);
    let mut shader = Shader::new(options, label);
    shader.read("image", operands.input, 1);
    shader.read("filters", operands.filter, 1);
    let bias = bias(&mut shader, operands.bias);
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
        coordinates(&c.output),
        c.window.sizes[0],
        along("row", 0, "y", "ky"),
        c.window.sizes[1],
        along("column", 1, "x", "kx"),
        place(&c.input.strides, ["n", "channel", "row", "column"]),
        place(&c.filter_strides, ["own", "channel", "ky", "kx"]),
    );
    element(shader, operands.output, Form::One, &body, options)
}

/// What a pool makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backends::webgpu) enum Pooling {
    Average,
    L2,
    Max,
}

/// The dispatch of a pool.
pub(in crate::backends::webgpu) fn pool(
    pooling: Pooling,
    pool: &Pool,
    input: &Tensor,
    output: &Tensor,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    shader.read("image", input, 1);
    let scalar = input.storage.scalar();
    let greater = match (scalar, input.storage) {
        ("f32", _) => "m_max(sum, v)",
        (_, super::super::storage::Storage::I64) => "wi_max(sum, v)",
        (_, super::super::storage::Storage::U64) => "wu_max(sum, v)",
        _ => "max(sum, v)",
    };
    let (step, end) = match pooling {
        Pooling::Average => (String::from("sum + v"), format!("sum / {scalar}(count)")),
        Pooling::L2 => (String::from("sum + v * v"), String::from("sqrt(sum)")),
        Pooling::Max => (format!("select({greater}, v, count == 0u)"), String::from("sum")),
    };
    let body = format!(
        "fn element(i: u32) -> {scalar} {{\n{}var sum = {scalar}();\nvar count = 0u;\n\
         for (var ky = 0u; ky < {}u; ky++) {{\nfor (var kx = 0u; kx < {}u; kx++) {{\n{}\
         if (row >= {}u || column >= {}u) {{ continue; }}\nlet v = image({});\nsum = {step};\ncount++;\n}}\n}}\nreturn {end};\n}}\n",
        coordinates(&pool.output),
        pool.window.sizes[0],
        pool.window.sizes[1],
        entry(&pool.window),
        pool.input.sizes[2],
        pool.input.sizes[3],
        place(&pool.input.strides, ["n", "c", "row", "column"]),
    );
    element(shader, output, Form::One, &body, options)
}

/// Two axes of an image resampled.
pub(in crate::backends::webgpu) fn resample(
    (input, shape): (&Tensor, &[usize]),
    (output, output_shape): (&Tensor, &[usize]),
    axes: [usize; 2],
    linear: bool,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    shader.read("image", input, 1);
    let scalar = input.storage.scalar();
    let mut body = format!("fn element(i: u32) -> {scalar} {{\n{}", super::element::coordinates("o", "i", output_shape));
    let strides = super::element::packed_strides(shape);
    let others: Vec<String> = (0..4).filter(|axis| !axes.contains(axis)).map(|axis| format!("o{axis} * {}u", strides[axis])).collect();
    let _ = writeln!(body, "let base = {};", others.join(" + "));
    for (name, axis) in ["y", "x"].iter().zip(axes) {
        let (from, to) = (shape[axis], output_shape[axis]);
        // (o + 0.5) · from / to - 0.5 over the common divisor 2 · to: exact in whole numbers, kept inside the axis.
        let _ = writeln!(
            body,
            "let {name}_place = clamp(i32((2u * o{axis} + 1u) * {from}u) - {to}, 0, {});\nlet {name}_whole = {name}_place / {};\nlet {name}_part = {name}_place % {};",
            2 * to * (from - 1),
            2 * to,
            2 * to
        );
        if linear {
            let _ = writeln!(
                body,
                "let {name}0 = u32({name}_whole) * {0}u;\nlet {name}1 = u32(min({name}_whole + 1, {1})) * {0}u;\nlet {name}f = f32({name}_part) / {2};",
                strides[axis],
                from - 1,
                literal(2.0 * to as f64, "f32")
            );
        } else {
            // Ties go to the smaller coordinate.
            let _ = writeln!(body, "let {name} = u32({name}_whole + select(0, 1, {name}_part > {to})) * {}u;", strides[axis]);
        }
    }
    if linear {
        let value = |y: &str, x: &str| format!("f32(image(base + {y} + {x}))");
        let mix = format!(
            "mix(mix({}, {}, xf), mix({}, {}, xf), yf)",
            value("y0", "x0"),
            value("y0", "x1"),
            value("y1", "x0"),
            value("y1", "x1")
        );
        // Integers truncate, as a cast does.
        let _ = writeln!(body, "return {scalar}({mix});\n}}");
    } else {
        body.push_str("return image(base + y + x);\n}\n");
    }
    element(shader, output, Form::One, &body, options)
}

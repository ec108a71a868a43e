//! Images summed up under a moving window.

use super::rule::{FLOATS, one_of};
use super::window::{Image, Window, dimension, list};
use crate::graph::{Call, OperandDescriptor, operator};

macro_rules! pool {
    ($($name:ident $webnn:literal $static_name:ident $options:ident $rule:ident $types:literal $anchor:literal $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** `input` in `layout`; rows become `(rows + padding - (window rows - 1) * dilation - 1) / stride + 1`, rounded by
            /// `output_shape_rounding` or given by `output_sizes`, columns likewise.
            #[doc = $types]
            /// **Errors** a rank other than 4; lists of a wrong length or with a 0; a window that does not fit; sizes that rounding cannot give.
            #[doc = $anchor]
            $name $webnn $static_name (input: operand)
            options $options {
                /// Rows and columns of the window; the whole image if absent.
                window_dimensions: ints,
                /// Rows before and after, columns before and after; 0 if absent.
                padding: ints,
                /// Steps of the window in rows and columns; 1 if absent.
                strides: ints,
                /// Distances of the window's entries in rows and columns; 1 if absent.
                dilations: ints,
                /// `nchw` or `nhwc`, of input and output.
                layout: text = "nchw",
                /// `floor`, or `ceil` for windows that leave the image too.
                output_shape_rounding: text = "floor",
                /// Rows and columns of the output, each as one of the roundings gives it.
                output_sizes: ints,
            }
            rule $rule;
            kernel kernels::$name;
            wgsl wgsl::$name;
        }
    )*};
}

pool! {
    average_pool2d "averagePool2d" AVERAGE_POOL2D AveragePool2dOptions floats " **Types** float32, float16."
        " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pool2d-average>"
        "The mean of what each window shows; padding does not count. `output = Σx / count`";
    l2_pool2d "l2Pool2d" L2_POOL2D L2Pool2dOptions floats " **Types** float32, float16."
        " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pool2d-l2>"
        "The root of the sum of squares of what each window shows. `output = √Σx²`";
    max_pool2d "maxPool2d" MAX_POOL2D MaxPool2dOptions all " **Types** all."
        " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pool2d-max>"
        "The greatest of what each window shows. `output = max(x)`; 0 where a window shows padding alone";
}

/// A pool free of layouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) input: Image,
    pub(crate) output: Image,
    pub(crate) window: Window,
}

impl Pool {
    /// Reads and checks the options of a call.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, String> {
        let layout = call.text("layout");
        let input = Image::new("input", &call.operand("input").shape, layout)?;
        let [batches, channels, rows, columns] = input.sizes;
        let window = Window::new(call, list(call, "window_dimensions")?.unwrap_or([rows, columns]))?;
        window.check(&input)?;
        let sizes = list::<2>(call, "output_sizes")?;
        let (floor, ceil): (Vec<i128>, Vec<i128>) = [0, 1].iter().map(|&axis| window.positions(axis, input.sizes[2 + axis])).unzip();
        let [rows, columns] = match (sizes, call.text("output_shape_rounding")) {
            (Some(sizes), _) => {
                let asked = sizes.map(|size| size as i128);
                if floor != asked && ceil != asked {
                    return Err(format!("`output_sizes` {sizes:?}: {floor:?} and {ceil:?} are possible"));
                }
                asked
            }
            (None, "floor") => [floor[0], floor[1]],
            (None, "ceil") => [ceil[0], ceil[1]],
            (None, other) => return Err(format!("`output_shape_rounding` must be floor or ceil, found `{other}`")),
        };
        let sizes = [batches, channels, dimension(rows, "rows")?, dimension(columns, "columns")?];
        Ok(Self { input, output: Image::packed(sizes, layout), window })
    }
}

fn all(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let shape = Pool::of(call)?.output.shape(call.text("layout"));
    Ok(vec![OperandDescriptor { data_type: call.operand("input").data_type, shape }])
}

fn floats(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    all(call)
}

#[cfg(feature = "cpu")]
mod kernels {
    use super::Pool;
    use crate::backends::cpu::{Arguments, Number, Output, each_index, for_type, offset};

    /// For each output its place, where its channel of its image begins, and the places from there that its window shows.
    fn pool(arguments: &Arguments<'_>, body: &mut dyn FnMut(usize, usize, &[usize])) {
        let Ok(Pool { input, output, window }) = Pool::of(arguments) else { unreachable!("the rule checked it") };
        let [batches, channels, rows, columns] = output.sizes;
        let mut shown = Vec::new();
        each_index(&[rows, columns], |_, position| {
            shown.clear();
            each_index(&window.sizes, |_, entry| {
                let row = window.place(0, position[0], entry[0], input.sizes[2]);
                let column = window.place(1, position[1], entry[1], input.sizes[3]);
                if let (Some(row), Some(column)) = (row, column) {
                    shown.push(offset(&[row, column], &input.strides[2..]));
                }
            });
            let place = offset(position, &output.strides[2..]);
            each_index(&[batches, channels], |_, index| body(place + offset(index, &output.strides), offset(index, &input.strides), &shown));
        });
    }

    fn float(arguments: &Arguments<'_>, outputs: &mut [Output<'_>], function: fn(&mut dyn Iterator<Item = f64>, f64) -> f64) {
        let input = arguments.numbers("input");
        let mut output = vec![0.0; outputs[0].descriptor.element_count()];
        pool(arguments, &mut |place, start, shown| {
            output[place] = function(&mut shown.iter().map(|from| input[start + from]), shown.len() as f64);
        });
        outputs[0].store(&output);
    }

    pub(super) fn average_pool2d(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        float(arguments, outputs, |numbers, count| numbers.sum::<f64>() / count);
    }

    pub(super) fn l2_pool2d(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        // The sum of nothing is 0, of `sum` it would be -0.
        float(arguments, outputs, |numbers, _| numbers.fold(0.0, |sum, x| sum + x * x).sqrt());
    }

    pub(super) fn max_pool2d(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        for_type!(outputs[0].descriptor.data_type, T => {
            let input = arguments.get::<T>("input");
            let output = outputs[0].elements::<T>();
            pool(arguments, &mut |place, start, shown| {
                let greatest = shown.iter().map(|from| input[start + from]).reduce(Number::greater);
                output[place] = greatest.unwrap_or(T::from_f64(0.0));
            });
        })
    }
}

#[cfg(feature = "webgpu")]
mod wgsl {
    use super::Pool;
    use crate::backends::webgpu::{Emitter, Form, Storage, window};
    use crate::error::Result;

    /// `sum` of what a window shows: `step` for each `v`, then `end`.
    fn pool(emitter: &mut Emitter<'_>, step: &str, end: &str) -> Result<()> {
        let pool = Pool::of(emitter).map_err(|reason| emitter.refuse(reason))?;
        let input = emitter.tensor("input")?;
        let mut shader = emitter.shader();
        shader.read("image", &input, 1);
        shader.turns(pool.window.sizes.iter().product());
        let body = format!(
            "fn element(i: u32) -> {0} {{\n{1}var sum = {0}();\nvar count = 0u;\n\
             for (var ky = 0u; ky < {2}u; ky++) {{\nfor (var kx = 0u; kx < {3}u; kx++) {{\n{4}\
             if (row >= {5}u || column >= {6}u) {{ continue; }}\nlet v = image({7});\nsum = {step};\ncount++;\n}}\n}}\nreturn {end};\n}}\n",
            input.storage.scalar(),
            window::coordinates(&pool.output),
            pool.window.sizes[0],
            pool.window.sizes[1],
            window::entry(&pool.window),
            pool.input.sizes[2],
            pool.input.sizes[3],
            window::place(&pool.input.strides, ["n", "c", "row", "column"]),
        );
        emitter.element(shader, &emitter.output.clone(), Form::One, &body)
    }

    pub(super) fn average_pool2d(emitter: &mut Emitter<'_>) -> Result<()> {
        pool(emitter, "sum + v", "sum / f32(count)")
    }

    pub(super) fn l2_pool2d(emitter: &mut Emitter<'_>) -> Result<()> {
        pool(emitter, "sum + v * v", "sqrt(sum)")
    }

    pub(super) fn max_pool2d(emitter: &mut Emitter<'_>) -> Result<()> {
        let greater = match Storage::of(emitter.operand("input").data_type) {
            Storage::F32 | Storage::F16 => "m_max",
            Storage::I64 => "wi_max",
            Storage::U64 => "wu_max",
            _ => "max",
        };
        pool(emitter, &format!("select({greater}(sum, v), v, count == 0u)"), "sum")
    }
}

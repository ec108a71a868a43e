//! Where along an axis the least or the greatest element is.

use super::rule::{below_rank, one_of_types};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

macro_rules! arg {
    ($($name:ident $webnn:literal $static_name:ident $options:ident $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** the input's without `axis`, or with 1 in its place.
            /// **Types** all → int32 or int64.
            /// **Errors** an axis out of range, or longer than the output's type counts.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-argminmax>
            $name $webnn $static_name (input: operand, axis: int)
            options $options {
                /// Keep the axis, of size 1.
                keep_dimensions: bool = false,
                /// int32 or int64.
                output_data_type: data_type = DataType::Int32,
            }
            rule rule;
            kernel kernels::$name;
            wgsl wgsl::$name;
        }
    )*};
}

arg! {
    arg_min "argMin" ARG_MIN ArgMinOptions "The index of the least along `axis`; the first of equals, or of NaNs.";
    arg_max "argMax" ARG_MAX ArgMaxOptions "The index of the greatest along `axis`; the first of equals, or of NaNs.";
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, axis, data_type) = (call.operand("input"), call.int("axis"), call.data_type("output_data_type"));
    below_rank(axis, input.rank())?;
    one_of_types(data_type, "output_data_type", &[DataType::Int32, DataType::Int64])?;
    let mut shape = input.shape.clone();
    if shape[axis] > i32::MAX as usize && data_type == DataType::Int32 {
        return Err(format!("axis {axis} of size {} is longer than int32 counts", shape[axis]));
    }
    if call.bool("keep_dimensions") {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    Ok(vec![OperandDescriptor { data_type, shape }])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, for_type};

    /// By `better`, the second element of a pair is preferred to the first.
    macro_rules! kernels {
        ($($name:ident $better:tt;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                let descriptor = arguments.operand("input");
                let axis = arguments.int("axis");
                let (size, step): (usize, usize) = (descriptor.shape[axis], descriptor.shape[axis + 1..].iter().product());
                for_type!(descriptor.data_type, T => {
                    let input = arguments.get::<T>("input");
                    let places = (0..input.len() / size).map(|line| {
                        let start = line / step * step * size + line % step;
                        let element = |k: usize| input[start + k * step];
                        let better = |best: usize, k: usize| {
                            let (a, b) = (element(best), element(k));
                            if b $better a || b.is_nan() && !a.is_nan() { k } else { best }
                        };
                        (0..size).fold(0, better) as f64
                    });
                    outputs[0].store(&places.collect::<Vec<_>>());
                })
            }
        )*};
    }

    kernels! { arg_min <; arg_max >; }
}

#[cfg(feature = "webgpu")]
mod wgsl {
    use crate::backends::webgpu::{Emitter, Form, Storage, around, walk};
    use crate::error::Result;

    pub(super) fn arg_min(emitter: &mut Emitter<'_>) -> Result<()> {
        arg(emitter, "x", "best")
    }

    pub(super) fn arg_max(emitter: &mut Emitter<'_>) -> Result<()> {
        arg(emitter, "best", "x")
    }

    /// The place of the element that is the best: one is better where `less` is less than `greater`.
    fn arg(emitter: &mut Emitter<'_>, less: &str, greater: &str) -> Result<()> {
        let (input, output) = (emitter.tensor("input")?, emitter.output.clone());
        let [outer, size, inner] = around(&emitter.operand("input").shape, emitter.int("axis"));
        let mut shader = emitter.shader();
        shader.read("input", &input, 1);
        shader.turns(size);
        let better = match input.storage {
            Storage::I64 => format!("wi_less({less}, {greater})"),
            Storage::U64 => format!("wu_less({less}, {greater})"),
            // The first that is no number is taken, as of floats it is in no order.
            Storage::F32 | Storage::F16 => format!("{less} < {greater} || (m_isnan(x) == 1u && m_isnan(best) == 0u)"),
            _ => format!("{less} < {greater}"),
        };
        let result = match output.storage.scalar() {
            "vec2<u32>" => "vec2<u32>(found, 0u)",
            "i32" => "i32(found)",
            _ => "found",
        };
        let start = walk("start", "i", &[outer, inner], &[size * inner, 1], 0);
        let body = format!(
            "fn element(i: u32) -> {} {{\n{start}var best = input(start);\nvar found = 0u;\n\
             for (var k = 1u; k < {size}u; k++) {{ let x = input(start + k * {inner}u); if ({better}) {{ best = x; found = k; }} }}\n\
             return {result};\n}}\n",
            output.storage.scalar()
        );
        emitter.element(shader, &output, Form::One, &body)
    }
}

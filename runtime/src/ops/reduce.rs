//! Reductions over chosen axes.

use super::rule::{FLOATS, SUMMABLE, distinct_axes, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

macro_rules! reduce {
    ($($name:ident $webnn:literal $static_name:ident $options:ident $rule:ident $types:literal $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** the input's without `axes`, or with 1 in their place.
            #[doc = $types]
            /// **Errors** an axis out of range or given twice.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reduce>
            $name $webnn $static_name (input: operand)
            options $options {
                /// The axes to reduce; all if absent.
                axes: ints,
                /// Keep the reduced axes, of size 1.
                keep_dimensions: bool = false,
            }
            rule $rule;
            kernel kernels::$name;
            wgsl wgsl::$name;
        }
    )*};
}

reduce! {
    reduce_l1 "reduceL1" REDUCE_L1 ReduceL1Options summable " **Types** floats, integers of 32 and 64 bits." "Sum of absolute values. `output = Σ|x|`";
    reduce_l2 "reduceL2" REDUCE_L2 ReduceL2Options floats " **Types** float32, float16." "Root of the sum of squares. `output = √Σx²`";
    reduce_log_sum "reduceLogSum" REDUCE_LOG_SUM ReduceLogSumOptions floats " **Types** float32, float16." "Logarithm of the sum. `output = ln Σx`";
    reduce_log_sum_exp "reduceLogSumExp" REDUCE_LOG_SUM_EXP ReduceLogSumExpOptions floats " **Types** float32, float16."
        "Logarithm of the sum of exponentials. `output = ln Σexp(x)`";
    reduce_max "reduceMax" REDUCE_MAX ReduceMaxOptions all " **Types** all." "The greatest. `output = max(x)`";
    reduce_mean "reduceMean" REDUCE_MEAN ReduceMeanOptions floats " **Types** float32, float16." "The mean. `output = Σx / count`";
    reduce_min "reduceMin" REDUCE_MIN ReduceMinOptions all " **Types** all." "The least. `output = min(x)`";
    reduce_product "reduceProduct" REDUCE_PRODUCT ReduceProductOptions summable " **Types** floats, integers of 32 and 64 bits." "The product. `output = Πx`";
    reduce_sum "reduceSum" REDUCE_SUM ReduceSumOptions summable " **Types** floats, integers of 32 and 64 bits." "The sum. `output = Σx`";
    reduce_sum_square "reduceSumSquare" REDUCE_SUM_SQUARE ReduceSumSquareOptions summable " **Types** floats, integers of 32 and 64 bits."
        "Sum of squares. `output = Σx²`";
}

fn all(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    let axes = axes(call);
    distinct_axes(&axes, input.rank())?;
    let keep = call.bool("keep_dimensions");
    let sizes = input.shape.iter().enumerate().filter(|(axis, _)| keep || !axes.contains(axis));
    let shape = sizes.map(|(axis, size)| if axes.contains(&axis) { 1 } else { *size }).collect();
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

fn floats(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    all(call)
}

fn summable(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", SUMMABLE)?;
    all(call)
}

/// The axes of a call, with the default filled in.
pub(crate) fn axes(call: &Call<'_>) -> Vec<usize> {
    match call.optional_ints("axes") {
        Some(axes) => axes.to_vec(),
        None => (0..call.operand("input").rank()).collect(),
    }
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, each_index, for_float, for_type, offset, strides};

    /// Every output as `function` of the offsets of the elements that it is made of.
    fn reduce(arguments: &Arguments<'_>, function: &mut dyn FnMut(usize, &mut dyn Iterator<Item = usize>)) {
        let shape = &arguments.operand("input").shape;
        let axes = super::axes(arguments);
        let packed = strides(shape);
        let pick = |from: &[usize], reduced: bool| -> Vec<usize> {
            from.iter().enumerate().filter(|(axis, _)| axes.contains(axis) == reduced).map(|(_, number)| *number).collect()
        };
        let (inner_shape, inner_strides) = (pick(shape, true), pick(&packed, true));
        let mut inner = Vec::new();
        each_index(&inner_shape, |_, index| inner.push(offset(index, &inner_strides)));
        let outer_strides = pick(&packed, false);
        each_index(&pick(shape, false), |number, index| {
            let start = offset(index, &outer_strides);
            function(number, &mut inner.iter().map(|offset| start + offset));
        });
    }

    /// A float reduction in float64: a sum of `term`s, then `last` of the sum and the count.
    fn float(arguments: &Arguments<'_>, outputs: &mut [Output<'_>], term: fn(f64) -> f64, last: fn(f64, f64) -> f64) {
        for_float!(outputs[0].descriptor.data_type, T => {
            let input = arguments.get::<T>("input");
            let output = outputs[0].elements::<T>();
            reduce(arguments, &mut |number, offsets| {
                let (mut sum, mut count) = (0.0, 0.0);
                for offset in offsets {
                    sum += term(input[offset].to_f64());
                    count += 1.0;
                }
                output[number] = T::from_f64(last(sum, count));
            });
        })
    }

    macro_rules! floats {
        ($($name:ident |$x:ident| $term:expr, |$sum:ident, $count:ident| $last:expr;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                float(arguments, outputs, |$x| $term, |$sum, $count| $last);
            }
        )*};
    }

    floats! {
        reduce_l2 |x| x * x, |sum, _count| sum.sqrt();
        reduce_log_sum |x| x, |sum, _count| sum.ln();
        reduce_mean |x| x, |sum, count| sum / count;
    }

    /// As numbers of the type where it is an integer, in float64 where it is a float.
    macro_rules! numbers {
        ($($name:ident $start:expr, |$sum:ident, $x:ident| $integer:expr, $float:expr;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                for_type!(outputs[0].descriptor.data_type, T => {
                    let input = arguments.get::<T>("input");
                    let output = outputs[0].elements::<T>();
                    reduce(arguments, &mut |number, offsets| {
                        output[number] = if T::IS_FLOAT {
                            T::from_f64(offsets.fold($start, |$sum: f64, offset| { let $x = input[offset].to_f64(); $float }))
                        } else {
                            offsets.fold(T::from_f64($start), |$sum: T, offset| { let $x = input[offset]; $integer })
                        };
                    });
                })
            }
        )*};
    }

    numbers! {
        reduce_l1 0.0, |sum, x| Number::add(sum, Number::abs(x)), sum + x.abs();
        reduce_sum 0.0, |sum, x| Number::add(sum, x), sum + x;
        reduce_sum_square 0.0, |sum, x| Number::add(sum, Number::mul(x, x)), sum + x * x;
        reduce_product 1.0, |product, x| Number::mul(product, x), product * x;
        reduce_max f64::NEG_INFINITY, |max, x| max.greater(x), if x > max || x.is_nan() { x } else { max };
        reduce_min f64::INFINITY, |min, x| min.lesser(x), if x < min || x.is_nan() { x } else { min };
    }

    /// Shifted by the greatest, so that no exponential overflows.
    pub(super) fn reduce_log_sum_exp(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        for_float!(outputs[0].descriptor.data_type, T => {
            let input = arguments.get::<T>("input");
            let output = outputs[0].elements::<T>();
            reduce(arguments, &mut |number, offsets| {
                let numbers: Vec<f64> = offsets.map(|offset| input[offset].to_f64()).collect();
                let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let shift = if max.is_finite() { max } else { 0.0 };
                output[number] = T::from_f64(shift + numbers.iter().map(|number| (number - shift).exp()).sum::<f64>().ln());
            });
        })
    }
}

#[cfg(feature = "webgpu")]
mod wgsl {
    use crate::backends::webgpu::{Emitter, Form, Rows, Storage, literal, packed_strides, walk};
    use crate::error::Result;

    /// Finds the greatest finite number first: `top`, or 0.
    const SHIFTED: bool = true;
    const TOP: &str = "f32(-3.4028234663852886e38)";
    /// Terms that one invocation takes; what has more is shared by those of a workgroup.
    const LONG: usize = 256;

    /// How an output element is made: `acc` from `start` on, `step` for every element `x`, then `end`; `empty` of no elements. What two invocations
    /// made of their parts, `acc` and `x`, is put together by `meet`.
    struct Reduction<'a> {
        shifted: bool,
        start: &'a str,
        step: &'a str,
        meet: &'a str,
        end: &'a str,
        empty: &'a str,
    }

    impl Reduction<'_> {
        fn emit(&self, emitter: &mut Emitter<'_>) -> Result<()> {
            let Self { shifted, start, step, meet, end, empty } = self;
            let (input, shape, axes) = (emitter.tensor("input")?, &emitter.operand("input").shape, super::axes(emitter));
            let strides = packed_strides(shape);
            let pick = |reduced: bool| -> (Vec<usize>, Vec<usize>) {
                (0..shape.len()).filter(|axis| axes.contains(axis) == reduced).map(|axis| (shape[axis], strides[axis])).unzip()
            };
            let ((kept, kept_strides), (reduced, reduced_strides)) = (pick(false), pick(true));
            let count: usize = reduced.iter().product();
            let (output, scalar) = (emitter.output.clone(), input.storage.scalar());
            let mut shader = emitter.shader();
            if count == 0 {
                let body = format!("fn element(i: u32) -> {scalar} {{\nreturn {empty};\n}}\n");
                return emitter.element(shader, &output, Form::One, &body);
            }
            shader.read("input", &input, 1);
            let rows = Rows::of(emitter.options, count);
            let written = emitter.written(&output);
            // Several elements in a word are one invocation's.
            let shared = count > LONG && rows.lanes > 1 && written.storage.per_word() == 1;
            let (first, lanes) = if shared { ("lane", rows.lanes) } else { ("0u", 1) };
            shader.turns(count.div_ceil(lanes) * if *shifted { 2 } else { 1 } + if shared { lanes } else { 0 });
            let at = walk("at", "k", &reduced, &reduced_strides, 0);
            let head = format!("for (var k = {first}; k < {count}u; k += {lanes}u) {{ {at}");
            let mut sum = String::new();
            if *shifted {
                let meet = if shared { "top = meet_max(top, lane);\n" } else { "" };
                sum.push_str(&format!(
                    "var top = {TOP};\n{head}top = max(top, input(start + at)); }}\n{meet}\
                     top = select(top, 0.0, m_isinf(top) == 1u || top == {TOP});\n"
                ));
            }
            sum.push_str(&format!("var acc = {start};\n{head}let x = input(start + at); acc = {step}; }}\n"));
            if !shared {
                let start = walk("start", "i", &kept, &kept_strides, 0);
                let body = format!("fn element(i: u32) -> {scalar} {{\n{start}{sum}return {end};\n}}\n");
                return emitter.element(shader, &output, Form::One, &body);
            }
            shader.write("reduced", &written, 1);
            let start = walk("start", "row", &kept, &kept_strides, 0);
            let body = format!(
                "{start}{sum}parts[lane] = acc;\nworkgroupBarrier();\nif (lane == 0u) {{\n\
                 for (var n = 1u; n < {lanes}u; n++) {{ let x = parts[n]; acc = {meet}; }}\nset_reduced(row, {end});\n}}\n"
            );
            let (text, workgroups) = rows.main(kept.iter().product(), &body, emitter.options);
            let text = format!("var<workgroup> parts: array<{scalar}, {lanes}>;\n{text}");
            emitter.push(shader.finish(&text, workgroups)?);
            emitter.narrow(&written, &output)
        }
    }

    fn storage(emitter: &Emitter<'_>) -> Storage {
        Storage::of(emitter.operand("input").data_type)
    }

    fn sum_of(emitter: &mut Emitter<'_>, step: &str, end: &str, empty: &str) -> Result<()> {
        let zero = format!("{}()", storage(emitter).scalar());
        let empty = if empty.is_empty() { &zero } else { empty };
        Reduction { shifted: !SHIFTED, start: &zero, step, meet: added(emitter), end, empty }.emit(emitter)
    }

    /// Two sums put together.
    fn added(emitter: &Emitter<'_>) -> &'static str {
        if storage(emitter).is_wide() { "w_add(acc, x)" } else { "acc + x" }
    }

    pub(super) fn reduce_l1(emitter: &mut Emitter<'_>) -> Result<()> {
        let step = match storage(emitter) {
            Storage::I64 => "w_add(acc, wi_abs(x))",
            Storage::U64 => "w_add(acc, x)",
            storage if storage.scalar() == "u32" => "acc + x",
            _ => "acc + abs(x)",
        };
        sum_of(emitter, step, "acc", "")
    }

    pub(super) fn reduce_l2(emitter: &mut Emitter<'_>) -> Result<()> {
        sum_of(emitter, "acc + x * x", "sqrt(acc)", "")
    }

    pub(super) fn reduce_log_sum(emitter: &mut Emitter<'_>) -> Result<()> {
        sum_of(emitter, "acc + x", "log(acc)", &literal(f64::NEG_INFINITY, "f32"))
    }

    pub(super) fn reduce_log_sum_exp(emitter: &mut Emitter<'_>) -> Result<()> {
        let empty = literal(f64::NEG_INFINITY, "f32");
        let step = "acc + m_exp(x - top)";
        Reduction { shifted: SHIFTED, start: "f32()", step, meet: "acc + x", end: "top + log(acc)", empty: &empty }.emit(emitter)
    }

    pub(super) fn reduce_mean(emitter: &mut Emitter<'_>) -> Result<()> {
        let shape = &emitter.operand("input").shape;
        let count: usize = super::axes(emitter).iter().map(|axis| shape[*axis]).product();
        sum_of(emitter, "acc + x", &format!("acc / f32({count})"), &literal(f64::NAN, "f32"))
    }

    pub(super) fn reduce_sum(emitter: &mut Emitter<'_>) -> Result<()> {
        sum_of(emitter, added(emitter), "acc", "")
    }

    pub(super) fn reduce_sum_square(emitter: &mut Emitter<'_>) -> Result<()> {
        let step = if storage(emitter).is_wide() { "w_add(acc, w_mul(x, x))" } else { "acc + x * x" };
        sum_of(emitter, step, "acc", "")
    }

    pub(super) fn reduce_product(emitter: &mut Emitter<'_>) -> Result<()> {
        let storage = storage(emitter);
        let (one, step) =
            if storage.is_wide() { ("vec2<u32>(1u, 0u)".into(), "w_mul(acc, x)") } else { (format!("{}(1)", storage.scalar()), "acc * x") };
        Reduction { shifted: !SHIFTED, start: &one, step, meet: step, end: "acc", empty: &one }.emit(emitter)
    }

    /// The last of the type's numbers on one side, to begin with: of a float it is infinite.
    fn most(emitter: &mut Emitter<'_>, float: f64, signed: [&str; 2], unsigned: [&str; 2], step: [&str; 4]) -> Result<()> {
        let storage = storage(emitter);
        let [start, step] = match (storage, storage.scalar()) {
            (Storage::I64, _) => [signed[1].to_owned(), step[0].to_owned()],
            (Storage::U64, _) => [unsigned[1].to_owned(), step[1].to_owned()],
            (_, "f32") => [literal(float, "f32"), step[2].to_owned()],
            (_, "i32") => [signed[0].to_owned(), step[3].to_owned()],
            _ => [unsigned[0].to_owned(), step[3].to_owned()],
        };
        Reduction { shifted: !SHIFTED, start: &start, step: &step, meet: &step, end: "acc", empty: &start }.emit(emitter)
    }

    pub(super) fn reduce_max(emitter: &mut Emitter<'_>) -> Result<()> {
        let (signed, unsigned) = (["(-2147483647 - 1)", "vec2<u32>(0u, 2147483648u)"], ["u32()", "vec2<u32>()"]);
        most(emitter, f64::NEG_INFINITY, signed, unsigned, ["wi_max(acc, x)", "wu_max(acc, x)", "m_max(acc, x)", "max(acc, x)"])
    }

    pub(super) fn reduce_min(emitter: &mut Emitter<'_>) -> Result<()> {
        let (signed, unsigned) = (["2147483647", "vec2<u32>(4294967295u, 2147483647u)"], ["u32(4294967295u)", "vec2<u32>(4294967295u)"]);
        most(emitter, f64::INFINITY, signed, unsigned, ["wi_min(acc, x)", "wu_min(acc, x)", "m_min(acc, x)", "min(acc, x)"])
    }
}

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

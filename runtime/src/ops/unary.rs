//! Element-wise functions of one tensor.

use super::rule::{FLOATS, SIGNED, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

macro_rules! unary {
    ($($name:ident $webnn:literal $static_name:ident $rule:ident $types:literal $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** as the input.
            #[doc = $types]
            /// **Errors** none.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-unary>
            $name $webnn $static_name (input: operand)
            rule $rule;
            kernel kernels::$name;
            wgsl crate::backends::webgpu::elementwise;
        }
    )*};
}

unary! {
    abs "abs" ABS signed " **Types** float32, float16, int32, int64, int8." "Absolute value. `output = |input|`";
    ceil "ceil" CEIL floats " **Types** float32, float16." "The least whole number that is not below. `output = ceil(input)`";
    cos "cos" COS floats " **Types** float32, float16." "Cosine of radians. `output = cos(input)`";
    erf "erf" ERF floats " **Types** float32, float16." "Error function. `output = erf(input)`";
    exp "exp" EXP floats " **Types** float32, float16." "Exponential. `output = exp(input)`";
    floor "floor" FLOOR floats " **Types** float32, float16." "The greatest whole number that is not above. `output = floor(input)`";
    identity "identity" IDENTITY all " **Types** all." "The input itself. `output = input`";
    log "log" LOG floats " **Types** float32, float16." "Natural logarithm. `output = ln(input)`";
    neg "neg" NEG signed " **Types** float32, float16, int32, int64, int8." "Negation. `output = -input`";
    reciprocal "reciprocal" RECIPROCAL floats " **Types** float32, float16." "Reciprocal. `output = 1 / input`";
    round_even "roundEven" ROUND_EVEN floats " **Types** float32, float16." "The nearest whole number, ties to even. `output = round(input)`";
    sign "sign" SIGN signed " **Types** float32, float16, int32, int64, int8." "Sign. `output = -1, 0 or 1`";
    sin "sin" SIN floats " **Types** float32, float16." "Sine of radians. `output = sin(input)`";
    sqrt "sqrt" SQRT floats " **Types** float32, float16." "Square root. `output = sqrt(input)`";
    tan "tan" TAN floats " **Types** float32, float16." "Tangent of radians. `output = tan(input)`";
    tanh "tanh" TANH floats " **Types** float32, float16." "Hyperbolic tangent. `output = tanh(input)`";
}

fn all(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    Ok(vec![call.operand("input").clone()])
}

fn floats(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    all(call)
}

fn signed(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", SIGNED)?;
    all(call)
}

/// `function` of every element of a float tensor, in float64, rounded once.
#[cfg(feature = "cpu")]
pub(super) fn map(
    arguments: &crate::backends::cpu::Arguments<'_>,
    outputs: &mut [crate::backends::cpu::Output<'_>],
    function: &dyn Fn(f64) -> f64,
) {
    use crate::backends::cpu::{Number, for_float};
    for_float!(outputs[0].descriptor.data_type, T => {
        let input = arguments.get::<T>("input").iter();
        outputs[0].elements::<T>().iter_mut().zip(input).for_each(|(output, x)| *output = T::from_f64(function(x.to_f64())));
    })
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, erf as erf_of, for_type};

    macro_rules! floats {
        ($($name:ident $function:expr;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                super::map(arguments, outputs, &$function);
            }
        )*};
    }

    floats! {
        ceil f64::ceil; cos f64::cos; erf erf_of; exp f64::exp; floor f64::floor; log f64::ln; reciprocal f64::recip;
        round_even f64::round_ties_even; sin f64::sin; sqrt f64::sqrt; tan f64::tan; tanh f64::tanh;
    }

    macro_rules! numbers {
        ($($name:ident)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                for_type!(outputs[0].descriptor.data_type, T => {
                    let input = arguments.get::<T>("input").iter();
                    outputs[0].elements::<T>().iter_mut().zip(input).for_each(|(output, x)| *output = Number::$name(*x));
                })
            }
        )*};
    }

    numbers! { abs neg sign }

    pub(super) fn identity(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        outputs[0].bytes.copy_from_slice(arguments.operands[0]);
    }
}

//! Activation functions.

use super::rule::{FLOATS, SIGNED, one_of};
use crate::digits::digits;
use crate::graph::{Call, Kind, OperandDescriptor, operator};

macro_rules! activation {
    ($($name:ident $webnn:literal $static_name:ident $formula:literal $types:literal $anchor:literal
        $(options $options:ident { $($option_doc:literal $option:ident = $default:literal),* })? rule $rule:ident;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** as the input.
            #[doc = $types]
            /// **Errors** an option that is not finite.
            #[doc = $anchor]
            $name $webnn $static_name (input: operand)
            $(options $options { $(#[doc = $option_doc] $option: float = $default),* })?
            rule $rule;
            kernel kernels::$name;
            wgsl crate::backends::webgpu::elementwise;
        }
    )*};
}

activation! {
    elu "elu" ELU "Exponential linear unit. `output = max(0, x) + alpha * (exp(min(0, x)) - 1)`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-elu>"
        options EluOptions { "Factor of the negative part." alpha = 1.0 } rule floats;
    gelu "gelu" GELU "Gaussian error linear unit. `output = 0.5 * x * (1 + erf(x / sqrt(2)))`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gelu-method>" rule floats;
    hard_sigmoid "hardSigmoid" HARD_SIGMOID "Sigmoid by three lines. `output = max(0, min(1, alpha * x + beta))`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-hard-sigmoid>"
        options HardSigmoidOptions { "Slope." alpha = 0.2, "Value at 0." beta = 0.5 } rule floats;
    hard_swish "hardSwish" HARD_SWISH "Swish by pieces. `output = x * max(0, min(6, x + 3)) / 6`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-hard-swish>" rule floats;
    leaky_relu "leakyRelu" LEAKY_RELU "Rectifier that leaks. `output = max(0, x) + alpha * min(0, x)`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-leakyrelu>"
        options LeakyReluOptions { "Slope of the negative part." alpha = 0.01 } rule floats;
    linear "linear" LINEAR "A line. `output = alpha * x + beta`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-linear>"
        options LinearOptions { "Slope." alpha = 1.0, "Value at 0." beta = 0.0 } rule floats;
    relu "relu" RELU "Rectifier. `output = max(0, x)`"
        " **Types** float32, float16, int32, int64, int8." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-relu-method>" rule signed;
    sigmoid "sigmoid" SIGMOID "Logistic function. `output = 1 / (1 + exp(-x))`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-sigmoid-method>" rule floats;
    softplus "softplus" SOFTPLUS "Smooth rectifier. `output = ln(1 + exp(x))`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softplus-method>" rule floats;
    softsign "softsign" SOFTSIGN "Sign, softly. `output = x / (1 + |x|)`"
        " **Types** float32, float16." " **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softsign-method>" rule floats;
}

fn floats(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", FLOATS)?;
    for parameter in call.operator.parameters.iter().filter(|parameter| parameter.kind == Kind::Float) {
        let number = call.float(parameter.name);
        if !number.is_finite() {
            return Err(format!("`{}` must be finite, found {}", parameter.name, digits(number)));
        }
    }
    Ok(vec![call.operand("input").clone()])
}

fn signed(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("input"), "input", SIGNED)?;
    Ok(vec![call.operand("input").clone()])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, erf, for_type};
    use crate::ops::unary::map;

    macro_rules! kernels {
        ($($name:ident |$x:ident $(, $option:ident)*| $formula:expr;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                $(let $option = arguments.float(stringify!($option));)*
                map(arguments, outputs, &|$x: f64| $formula);
            }
        )*};
    }

    kernels! {
        elu |x, alpha| if x > 0.0 { x } else { alpha * x.exp_m1() };
        gelu |x| 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
        hard_sigmoid |x, alpha, beta| (alpha * x + beta).clamp(0.0, 1.0);
        hard_swish |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
        leaky_relu |x, alpha| if x >= 0.0 { x } else { alpha * x };
        linear |x, alpha, beta| alpha * x + beta;
        sigmoid |x| 1.0 / (1.0 + (-x).exp());
        softplus |x| x.max(0.0) + (-x.abs()).exp().ln_1p();
        softsign |x| x / (1.0 + x.abs());
    }

    pub(super) fn relu(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        for_type!(outputs[0].descriptor.data_type, T => {
            let input = arguments.get::<T>("input").iter();
            outputs[0].elements::<T>().iter_mut().zip(input).for_each(|(output, x)| *output = x.greater(T::from_f64(0.0)));
        })
    }
}

//! Element-wise tests of one tensor; true is 1 and false is 0, as uint8.

use super::rule::{FLOATS, one_of};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

macro_rules! test {
    ($($name:ident $webnn:literal $static_name:ident $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** as the input.
            /// **Types** float32, float16 → uint8.
            /// **Errors** none.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-logical>
            $name $webnn $static_name (a: operand)
            rule rule;
            kernel kernels::$name;
            wgsl crate::backends::webgpu::elementwise;
        }
    )*};
}

test! {
    is_nan "isNaN" IS_NAN "1 where the element is not a number.";
    is_infinite "isInfinite" IS_INFINITE "1 where the element is infinite.";
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("a"), "a", FLOATS)?;
    Ok(vec![OperandDescriptor { data_type: DataType::Uint8, shape: call.operand("a").shape.clone() }])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, for_float};

    macro_rules! kernels {
        ($($name:ident $method:ident;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                for_float!(arguments.operand("a").data_type, T => {
                    let input = arguments.get::<T>("a").iter();
                    outputs[0].elements::<u8>().iter_mut().zip(input).for_each(|(output, x)| *output = u8::from(x.to_f64().$method()));
                })
            }
        )*};
    }

    kernels! { is_nan is_nan; is_infinite is_infinite; }
}

//! Element-wise comparison of two tensors that broadcast; true is 1 and false is 0, as uint8.

use super::rule::{broadcast, same_type};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

macro_rules! compare {
    ($($name:ident $webnn:literal $static_name:ident $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** `a` and `b` broadcast.
            /// **Types** all, both of one type → uint8.
            /// **Errors** shapes that do not broadcast, types that differ.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-logical>
            $name $webnn $static_name (a: operand, b: operand)
            rule rule;
            kernel kernels::$name;
            wgsl crate::backends::webgpu::elementwise;
        }
    )*};
}

compare! {
    equal "equal" EQUAL "1 where the elements are equal. `output = a == b`";
    not_equal "notEqual" NOT_EQUAL "1 where the elements differ. `output = a != b`";
    greater "greater" GREATER "1 where `a` is greater. `output = a > b`";
    greater_or_equal "greaterOrEqual" GREATER_OR_EQUAL "1 where `a` is not less. `output = a >= b`";
    lesser "lesser" LESSER "1 where `a` is less. `output = a < b`";
    lesser_or_equal "lesserOrEqual" LESSER_OR_EQUAL "1 where `a` is not greater. `output = a <= b`";
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    same_type(a, b, "`b`")?;
    Ok(vec![OperandDescriptor { data_type: DataType::Uint8, shape: broadcast(&a.shape, &b.shape)? }])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Output, for_type};
    use crate::ops::binary::zip;

    macro_rules! kernels {
        ($($name:ident $operator:tt;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                let compared = arguments.operand("a").data_type;
                for_type!(compared, T => zip::<T, u8>(arguments, ["a", "b"], &mut outputs[0], |a, b| u8::from(a $operator b)))
            }
        )*};
    }

    kernels! { equal ==; not_equal !=; greater >; greater_or_equal >=; lesser <; lesser_or_equal <=; }
}

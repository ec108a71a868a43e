//! Element-wise logic of uint8: not 0 counts as true; true is 1 and false is 0.

use super::rule::{broadcast, one_of};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

macro_rules! logical {
    ($($name:ident $webnn:literal $static_name:ident $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** `a` and `b` broadcast.
            /// **Types** uint8.
            /// **Errors** shapes that do not broadcast.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-logical>
            $name $webnn $static_name (a: operand, b: operand)
            rule rule;
            kernel kernels::$name;
            wgsl crate::backends::webgpu::elementwise;
        }
    )*};
}

logical! {
    logical_and "logicalAnd" LOGICAL_AND "1 where both are true. `output = a && b`";
    logical_or "logicalOr" LOGICAL_OR "1 where either is true. `output = a || b`";
    logical_xor "logicalXor" LOGICAL_XOR "1 where one alone is true. `output = a != b`";
}

operator! {
    /// 1 where the element is 0, else 0. `output = !a`
    ///
    /// **Shapes** as the input.
    /// **Types** uint8.
    /// **Errors** none.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-logical>
    logical_not "logicalNot" LOGICAL_NOT (a: operand)
    rule not_rule;
    kernel kernels::logical_not;
    wgsl crate::backends::webgpu::elementwise;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    one_of(a, "a", &[DataType::Uint8])?;
    one_of(b, "b", &[DataType::Uint8])?;
    Ok(vec![OperandDescriptor { data_type: DataType::Uint8, shape: broadcast(&a.shape, &b.shape)? }])
}

fn not_rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    one_of(call.operand("a"), "a", &[DataType::Uint8])?;
    Ok(vec![call.operand("a").clone()])
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Output};
    use crate::ops::binary::zip;

    macro_rules! kernels {
        ($($name:ident $operator:tt;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                zip::<u8, u8>(arguments, ["a", "b"], &mut outputs[0], |a, b| u8::from((a != 0) $operator (b != 0)));
            }
        )*};
    }

    kernels! { logical_and &; logical_or |; logical_xor ^; }

    pub(super) fn logical_not(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        outputs[0].bytes.iter_mut().zip(arguments.operands[0]).for_each(|(output, a)| *output = u8::from(*a == 0));
    }
}

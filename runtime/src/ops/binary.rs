//! Element-wise arithmetic of two tensors that broadcast.

use super::rule::{broadcast, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

macro_rules! binary {
    ($($name:ident $webnn:literal $static_name:ident $formula:literal;)*) => {$(
        operator! {
            #[doc = $formula]
            ///
            /// **Shapes** `a` and `b` broadcast.
            /// **Types** all; both operands have one type.
            /// **Errors** shapes that do not broadcast, types that differ.
            /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-binary>
            $name $webnn $static_name (a: operand, b: operand)
            rule rule;
            kernel kernels::$name;
        }
    )*};
}

binary! {
    add "add" ADD "Sum. `output = a + b`";
    sub "sub" SUB "Difference. `output = a - b`";
    mul "mul" MUL "Product. `output = a * b`";
    div "div" DIV "Quotient. `output = a / b`; integers round toward zero";
    max "max" MAX "The greater of two. `output = max(a, b)`";
    min "min" MIN "The lesser of two. `output = min(a, b)`";
    pow "pow" POW "Power. `output = a ^ b`";
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    same_type(a, b, "`b`")?;
    Ok(vec![OperandDescriptor { data_type: a.data_type, shape: broadcast(&a.shape, &b.shape)? }])
}

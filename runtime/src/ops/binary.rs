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
            wgsl crate::backends::webgpu::elementwise;
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

/// The operands broadcast; `function` of each pair.
#[cfg(feature = "cpu")]
pub(super) fn zip<T: crate::tensor::Element, U: crate::tensor::Element>(
    arguments: &crate::backends::cpu::Arguments<'_>,
    names: [&str; 2],
    output: &mut crate::backends::cpu::Output<'_>,
    function: fn(T, T) -> U,
) {
    let (a, b) = (arguments.get::<T>(names[0]), arguments.get::<T>(names[1]));
    let shape = &output.descriptor.shape;
    let elements: &mut [U] = bytemuck::cast_slice_mut(output.bytes);
    each_pair(arguments, names, shape, &mut |output, a_at, b_at| elements[output] = function(a[a_at], b[b_at]));
}

/// The place in the output and in both operands, of every element of the output.
#[cfg(feature = "cpu")]
fn each_pair(arguments: &crate::backends::cpu::Arguments<'_>, names: [&str; 2], shape: &[usize], body: &mut dyn FnMut(usize, usize, usize)) {
    use crate::backends::cpu::{broadcast_strides, each_index, offset};
    let [a, b] = names.map(|name| broadcast_strides(&arguments.operand(name).shape, shape));
    each_index(shape, |number, index| body(number, offset(index, &a), offset(index, &b)));
}

#[cfg(feature = "cpu")]
mod kernels {
    use crate::backends::cpu::{Arguments, Number, Output, for_type};

    macro_rules! kernels {
        ($($name:ident $method:ident;)*) => {$(
            pub(super) fn $name(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
                for_type!(outputs[0].descriptor.data_type, T => super::zip::<T, T>(arguments, ["a", "b"], &mut outputs[0], Number::$method))
            }
        )*};
    }

    kernels! { add add; sub sub; mul mul; div div; max greater; min lesser; pow pow; }
}

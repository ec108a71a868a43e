//! Running sums.

use super::rule::{SUMMABLE, below_rank, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The sum of all elements up to each, along `axis`.
    ///
    /// **Shapes** as the input.
    /// **Types** float32, float16, int32, uint32, int64, uint64.
    /// **Errors** an axis out of range.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-cumulativesum>
    cumulative_sum "cumulativeSum" CUMULATIVE_SUM (input: operand, axis: int)
    options CumulativeSumOptions {
        /// Leave the element itself out of its sum.
        exclusive: bool = false,
        /// Sum from the last element.
        reversed: bool = false,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", SUMMABLE)?;
    below_rank(call.int("axis"), input.rank())?;
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, for_type};
    let (axis, exclusive, reversed) = (arguments.int("axis"), arguments.bool("exclusive"), arguments.bool("reversed"));
    let shape = outputs[0].shape().to_vec();
    let (size, step): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
    for_type!(outputs[0].descriptor.data_type, T => {
        let input = arguments.get::<T>("input");
        let output = outputs[0].elements::<T>();
        for line in 0..input.len() / size.max(1) {
            let start = line / step * step * size + line % step;
            let mut sum = T::from_f64(0.0);
            for k in 0..size {
                let place = start + if reversed { size - 1 - k } else { k } * step;
                let next = sum.add(input[place]);
                output[place] = if exclusive { sum } else { next };
                sum = next;
            }
        }
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, around};
    let (input, [_, size, inner]) = (emitter.tensor("input")?, around(&emitter.operand("input").shape, emitter.int("axis")));
    let (exclusive, reversed) = (emitter.bool("exclusive"), emitter.bool("reversed"));
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    shader.turns(size);
    let add = if input.storage.is_wide() { "w_add(sum, x)" } else { "sum + x" };
    let own = if exclusive { "k" } else { "k + 1u" };
    let (first, end) = match (reversed, exclusive) {
        (false, _) => (String::from("0u"), own.to_owned()),
        (true, true) => (String::from("k + 1u"), format!("{size}u")),
        (true, false) => (String::from("k"), format!("{size}u")),
    };
    // An invocation adds up what stands before its element.
    let body = format!(
        "fn element(i: u32) -> {0} {{\nlet k = i / {inner}u % {size}u;\nlet start = i - k * {inner}u;\nvar sum = {0}();\n\
         for (var j = {first}; j < {end}; j++) {{ let x = input(start + j * {inner}u); sum = {add}; }}\nreturn sum;\n}}\n",
        input.storage.scalar()
    );
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

//! Softmax over one axis.

use super::rule::{FLOATS, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Exponentials that sum to 1 along `axis`. `output = exp(input - max) / sum(exp(input - max))`
    ///
    /// **Shapes** as the input.
    /// **Types** float32, float16.
    /// **Errors** an axis out of range.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softmax-method>
    softmax "softmax" SOFTMAX (input: operand, axis: int)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, axis) = (call.operand("input"), call.int("axis"));
    one_of(input, "input", FLOATS)?;
    if axis >= input.rank() {
        return Err(format!("`axis` {axis} is not below the rank {}", input.rank()));
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, for_float};
    let shape = outputs[0].shape().to_vec();
    let axis = arguments.int("axis");
    let (size, step): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
    for_float!(outputs[0].descriptor.data_type, T => {
        let input = arguments.get::<T>("input");
        let output = outputs[0].elements::<T>();
        for line in 0..input.len() / size.max(1) {
            let start = line / step * step * size + line % step;
            let element = |k: usize| input[start + k * step].to_f64();
            let max = (0..size).map(element).fold(f64::NEG_INFINITY, |max, number| if number > max || number.is_nan() { number } else { max });
            let sum: f64 = (0..size).map(|k| (element(k) - max).exp()).sum();
            (0..size).for_each(|k| output[start + k * step] = T::from_f64((element(k) - max).exp() / sum));
        }
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Rows, around};
    let (input, output) = (emitter.floats("input")?, emitter.output.clone());
    let [outer, size, inner] = around(&emitter.operand("input").shape, emitter.int("axis"));
    let written = emitter.written(&output);
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    shader.write("normal", &written, 1);
    let rows = Rows::of(emitter.options, size);
    shader.turns(rows.turns(size, 3));
    let head = format!("for (var i = lane; i < {size}u; i += {}u) {{", rows.lanes);
    let at = if inner == 1 { String::from("start + i") } else { format!("start + i * {inner}u") };
    let start = if inner == 1 { format!("row * {size}u") } else { format!("row / {inner}u * {}u + row % {inner}u", size * inner) };
    let body = format!(
        "let start = {start};\nvar largest = f32(-3.4028234663852886e38);\n{head} largest = max(largest, input({at})); }}\n\
         largest = meet_max(largest, lane);\nvar sum = 0.0;\n{head} sum += m_exp(input({at}) - largest); }}\n\
         let factor = 1.0 / meet_sum(sum, lane);\n{head} set_normal({at}, m_exp(input({at}) - largest) * factor); }}\n"
    );
    let (text, workgroups) = rows.main(outer * inner, &body, emitter.options);
    emitter.push(shader.finish(&text, workgroups)?);
    emitter.narrow(&written, &output)
}

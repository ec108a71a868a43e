//! Slices picked by index: an embedding table's rows.

use super::rule::{INDICES, below_rank, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The slices of `input` along `axis` that `indices` names. `output[.., i.., ..] = input[.., indices[i..], ..]`
    ///
    /// Negative indices count from the end; what is still out of range is clamped to it.
    ///
    /// **Shapes** the input's, with the sizes of `indices` in place of `axis`.
    /// **Types** all; indices int32, uint32, int64.
    /// **Errors** a scalar input, an axis out of range.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gather>
    gather "gather" GATHER (input: operand, indices: operand)
    options GatherOptions {
        /// The axis picked from.
        axis: int = 0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (input, indices, axis) = (call.operand("input"), call.operand("indices"), call.int("axis"));
    one_of(indices, "indices", INDICES)?;
    below_rank(axis, input.rank())?;
    let mut shape = input.shape.clone();
    shape.splice(axis..=axis, indices.shape.iter().copied());
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let shape = &arguments.operand("input").shape;
    let axis = arguments.int("axis");
    let outer: usize = shape[..axis].iter().product();
    let slice = shape[axis + 1..].iter().product::<usize>() * outputs[0].descriptor.data_type.bits().div_ceil(8);
    let input = arguments.operands[0];
    let size = shape[axis];
    let (indices, count) = (arguments.indices("indices"), arguments.operand("indices").element_count());
    for (number, output) in outputs[0].bytes.chunks_exact_mut(slice.max(1)).take(outer * count).enumerate() {
        let from = (number / count * size + indices.place(number % count, size)) * slice;
        output.copy_from_slice(&input[from..from + slice]);
    }
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, around, place_index};
    let (input, indices, output) = (emitter.tensor("input")?.raw(), emitter.tensor("indices")?, emitter.output.raw());
    let [outer, size, inner] = around(&emitter.operand("input").shape, emitter.int("axis"));
    let mut shader = emitter.shader();
    let four = inner.is_multiple_of(4) && input.allows_four() && output.allows_four();
    let (form, width, suffix) = if four { (Form::Four, 4, "4") } else { (Form::One, 1, "") };
    shader.read("input", &input, width);
    shader.read("indices", &indices, 1);
    let (step, count) = (inner / width, indices.elements);
    let scalar = input.storage.scalar();
    let result = if four { format!("vec4<{scalar}>") } else { scalar.to_owned() };
    let position = if outer == 1 { String::new() } else { format!("i / {}u * {}u + ", count * step, size * step) };
    let body = format!(
        "{}fn element{suffix}(i: u32) -> {result} {{\nlet at = place_index(i / {step}u % {count}u, {size}u);\n\
         return input{suffix}({position}at * {step}u + i % {step}u);\n}}\n",
        place_index(&indices)
    );
    emitter.element(shader, &output, form, &body)
}

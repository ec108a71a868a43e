//! Tensors one after another.

use super::rule::{below_rank, same_type, tensor_count};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Tensors one after another along `axis`.
    ///
    /// **Shapes** equal but for `axis`, whose sizes add up.
    /// **Types** all; the inputs have one type.
    /// **Errors** no inputs or more than 8192, an axis out of range, shapes or types that differ.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-concat>
    concat "concat" CONCAT (inputs: operands, axis: int)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (inputs, axis) = (call.operands("inputs"), call.int("axis"));
    let Some((first, rest)) = inputs.split_first() else {
        return Err(String::from("`inputs` is empty"));
    };
    below_rank(axis, first.rank())?;
    tensor_count("inputs", inputs.len())?;
    let mut output = (*first).clone();
    for (index, input) in rest.iter().enumerate() {
        same_type(first, input, &format!("input {}", index + 1))?;
        let alike =
            input.rank() == first.rank() && (0..first.rank()).all(|other| other == axis || input.shape[other] == first.shape[other]);
        if !alike {
            return Err(format!("input {} has shape {:?}, but only axis {axis} may differ from {:?}", index + 1, input.shape, first.shape));
        }
        output.shape[axis] += input.shape[axis];
    }
    Ok(vec![output])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let axis = arguments.int("axis");
    let outer: usize = outputs[0].shape()[..axis].iter().product();
    let row = outputs[0].bytes.len() / outer.max(1);
    let mut start = 0;
    for input in arguments.operands {
        let part = input.len() / outer.max(1);
        for index in 0..outer {
            outputs[0].bytes[index * row + start..][..part].copy_from_slice(&input[index * part..][..part]);
        }
        start += part;
    }
}

/// One dispatch an input where every part is whole words; else one for all, or by way of a word for every element of the output.
#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, Storage, around, convert};
    let axis = emitter.int("axis");
    let [outer, _, inner] = around(&emitter.operands("inputs")[0].shape, axis);
    let mut parts = Vec::new();
    for id in emitter.operand_ids() {
        let tensor = emitter.value(id)?.raw();
        if tensor.elements > 0 {
            parts.push((tensor, emitter.shape_of(id)[axis] * inner));
        }
    }
    let (output, storage) = (emitter.output.raw(), emitter.output.storage.raw());
    if storage == Storage::U32 {
        return copies(emitter, &parts, &output, outer);
    }
    // As words: of packed elements fewer, of 64 bits more.
    if parts.iter().all(|(tensor, row)| (row * storage.bits()).is_multiple_of(32) && tensor.chunks.len() < 2) {
        let parts: Vec<_> = parts.iter().map(|(tensor, row)| (tensor.words(), row * storage.bits() / 32)).collect();
        return copies(emitter, &parts, &output.words(), outer);
    }
    if storage.is_wide() {
        return copies(emitter, &parts, &output, outer);
    }
    const NAMES: [&str; 7] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6"];
    if parts.len() >= emitter.options.max_bindings.min(NAMES.len() + 1) {
        let spread = emitter.scratch(Storage::U32, output.elements);
        copies(emitter, &parts, &spread, outer)?;
        emitter.push(convert(&spread, &output, emitter.options, emitter.label)?);
        return Ok(());
    }
    let total: usize = parts.iter().map(|(_, row)| row).sum();
    let mut shader = emitter.shader();
    let mut body = format!("fn element(i: u32) -> u32 {{\nlet o = i / {total}u;\nlet r = i % {total}u;\n");
    let mut first = 0;
    for (name, (tensor, row)) in NAMES.iter().zip(&parts) {
        shader.read(name, tensor, 1);
        body.push_str(&format!("if (r < {}u) {{ return {name}(o * {row}u + r - {first}u); }}\n", first + row));
        first += row;
    }
    body.push_str("return 0u;\n}\n");
    emitter.element(shader, &output, Form::One, &body)
}

/// One dispatch a part; a part is a tensor and its elements in each of `outer` rows.
#[cfg(feature = "webgpu")]
fn copies(
    emitter: &mut crate::backends::webgpu::Emitter<'_>,
    parts: &[(crate::backends::webgpu::Tensor, usize)],
    output: &crate::backends::webgpu::Tensor,
    outer: usize,
) -> crate::Result<()> {
    use crate::backends::webgpu::{fold, walk};
    let total: usize = parts.iter().map(|(_, row)| row).sum();
    let mut first = 0;
    for (tensor, row) in parts {
        let four = [*row, total, first].iter().all(|count| count.is_multiple_of(4)) && tensor.allows_four() && output.allows_four();
        let (width, suffix) = if four { (4, "4") } else { (1, "") };
        let mut shader = emitter.shader();
        shader.read("input", tensor, width);
        shader.write("output", output, width);
        let count = tensor.elements / width;
        let (workgroups, columns) = fold(count.div_ceil(64), emitter.options.max_workgroups);
        let place = walk("at", "i", &[outer, row / width], &[total / width, 1], first / width);
        let text = format!(
            "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\nlet i = id.x + id.y * {}u;\n\
             if (i >= {count}u) {{ return; }}\n{place}set_output{suffix}(at, input{suffix}(i));\n}}\n",
            columns * 64
        );
        emitter.push(shader.finish(&text, workgroups)?);
        first += row;
    }
    Ok(())
}

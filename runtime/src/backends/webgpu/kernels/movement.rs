//! Operators that move elements by an index they read, or into a part of their output.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use super::element::{Form, element, walk};
use crate::error::Result;

/// `output[o, i, n] = input[o, indices[i], n]` for `input` as `[outer, size, inner]`. Indices count from the end where negative,
/// and are kept inside the axis.
pub(in crate::backends::webgpu) fn gather(
    input: &Tensor,
    indices: &Tensor,
    output: &Tensor,
    [outer, size, inner]: [usize; 3],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let four = inner.is_multiple_of(4) && input.allows_four() && output.allows_four();
    let (form, width, suffix) = if four { (Form::Four, 4, "4") } else { (Form::One, 1, "") };
    shader.read("input", input, width);
    shader.read("indices", indices, 1);
    let (step, count) = (inner / width, indices.elements);
    let (scalar, index_scalar) = (input.storage.scalar(), indices.storage.scalar());
    let result = if four { format!("vec4<{scalar}>") } else { scalar.to_owned() };
    let from_end = if index_scalar == "i32" { format!("select(index, index + {size}, index < 0)") } else { String::from("index") };
    let limit =
        if index_scalar == "i32" { format!("u32(clamp({from_end}, 0, {}))", size - 1) } else { format!("min(index, {}u)", size - 1) };
    let position = if outer == 1 { String::new() } else { format!("i / {}u * {}u + ", count * step, size * step) };
    let body = format!(
        "fn element{suffix}(i: u32) -> {result} {{\nlet index = indices(i / {step}u % {count}u);\nlet at = {limit};\n\
         return input{suffix}({position}at * {step}u + i % {step}u);\n}}\n"
    );
    element(shader, output, form, &body, options)
}

/// The inputs one after another along an axis; each is `[outer, size, inner]`. One dispatch an input, or one for all where packed
/// elements share words of the output.
pub(in crate::backends::webgpu) fn concat(
    inputs: &[(Tensor, usize)],
    output: &Tensor,
    outer: usize,
    inner: usize,
    options: &Options,
    label: &str,
) -> Result<Vec<Dispatch>> {
    let total: usize = inputs.iter().map(|(_, size)| size).sum();
    let present = inputs.iter().filter(|(tensor, _)| tensor.elements > 0);
    if output.storage.is_packed() {
        return Ok(vec![concat_packed(inputs, output, total, inner, options, label)?]);
    }
    let mut first = 0;
    let mut dispatches = Vec::new();
    for (tensor, size) in present {
        let block = size * inner;
        let four = [block, total * inner, first * inner].iter().all(|count| count.is_multiple_of(4))
            && tensor.allows_four()
            && output.allows_four();
        let (width, suffix) = if four { (4, "4") } else { (1, "") };
        let mut shader = Shader::new(options, label);
        shader.read("input", tensor, width);
        shader.write("output", output, width);
        let count = tensor.elements / width;
        let (workgroups, columns) = fold(count.div_ceil(64), options.max_workgroups);
        let place = walk("at", "i", &[outer, block / width], &[total * inner / width, 1], first * inner / width);
        let text = format!(
            "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\nlet i = id.x + id.y * {}u;\n\
             if (i >= {count}u) {{ return; }}\n{place}set_output{suffix}(at, input{suffix}(i));\n}}\n",
            columns * 64
        );
        dispatches.push(shader.finish(&text, workgroups)?);
        first += size;
    }
    Ok(dispatches)
}

fn concat_packed(
    inputs: &[(Tensor, usize)],
    output: &Tensor,
    total: usize,
    inner: usize,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    const NAMES: [&str; 7] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6"];
    let mut shader = Shader::new(options, label);
    let scalar = output.storage.scalar();
    let mut body = format!("fn element(i: u32) -> {scalar} {{\nlet o = i / {0}u;\nlet r = i % {0}u;\n", total * inner);
    let mut first = 0;
    let present: Vec<_> = inputs.iter().filter(|(tensor, _)| tensor.elements > 0).collect();
    if present.len() > NAMES.len() {
        return Err(super::super::lower::unsupported(label, format!("{} inputs of 8 bits; the limit is {}", present.len(), NAMES.len())));
    }
    for (name, (tensor, size)) in NAMES.iter().zip(present) {
        shader.read(name, tensor, 1);
        let block = size * inner;
        let _ = writeln!(body, "if (r < {}u) {{ return {name}(o * {block}u + r - {first}u); }}", first + block);
        first += block;
    }
    let _ = writeln!(body, "return {scalar}(0);\n}}");
    element(shader, output, Form::One, &body, options)
}

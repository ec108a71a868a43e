//! Kernels whose every output element is a function of its position: one invocation each, or each four.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use crate::error::Result;

const INVOCATIONS: usize = 64;

/// Positions of output elements that one call of `element` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `fn element(i: u32) -> T`: element `i`.
    One,
    /// `fn element4(i: u32) -> vec4<T>`: elements `4·i` to `4·i + 3`.
    Four,
}

/// The dispatch that writes every element of `output`, whose port is `output`. `body` defines `element` or `element4`.
pub(crate) fn element(mut shader: Shader<'_>, output: &Tensor, form: Form, body: &str, options: &Options) -> Result<Dispatch> {
    let (count, storage) = (output.elements, output.storage);
    let per_word = storage.per_word();
    // Elements that one invocation writes: whole words.
    let (each, statement) = match (form, per_word) {
        (Form::Four, 8) => {
            let last = count / 4 - 1;
            let half = |k: usize, shift: usize| {
                format!(
                    "let h{k} = {}; let w{k} = (h{k}.x | (h{k}.y << 4u) | (h{k}.z << 8u) | (h{k}.w << 12u)) << {shift}u;\n",
                    storage.encode(&format!("element4(min(2u * i + {k}u, {last}u))"), 4)
                )
            };
            (8, format!("{}{}set_output_word(i, w0 | w1);", half(0, 0), half(1, 16)))
        }
        (Form::Four, _) => (4, String::from("set_output4(i, element4(i));")),
        (Form::One, 1) => (1, String::from("set_output(i, element(i));")),
        (Form::One, _) => {
            shader.repeated(per_word);
            let value = format!("element(min(i * {per_word}u + k, {}u))", count - 1);
            let value = storage.encode(&value, 1);
            let bits = storage.bits();
            let text = format!(
                "var word = 0u;\nfor (var k = 0u; k < {per_word}u; k++) {{ word |= {value} << (k * {bits}u); }}\nset_output_word(i, word);"
            );
            (per_word, text)
        }
    };
    shader.write("output", output, if form == Form::Four && per_word < 8 { 4 } else { 1 });
    let invocations = count.div_ceil(each);
    let (workgroups, columns) = fold(invocations.div_ceil(INVOCATIONS), options.max_workgroups);
    let text = format!(
        "{body}@compute @workgroup_size({INVOCATIONS}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n\
         let i = id.x + id.y * {}u;\nif (i >= {invocations}u) {{ return; }}\n{statement}\n}}\n",
        columns * INVOCATIONS
    );
    shader.finish(&text, workgroups)
}

/// `output[i] = input[i]`, each in its own storage: how float32 becomes float16 after a kernel that cannot write it.
pub(crate) fn convert(input: &Tensor, output: &Tensor, options: &Options, label: &str) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let four = input.allows_four() && output.allows_four();
    let scalar = output.storage.scalar();
    shader.read("input", input, if four { 4 } else { 1 });
    let body = if four {
        format!("fn element4(i: u32) -> vec4<{scalar}> {{ return input4(i); }}\n")
    } else {
        format!("fn element(i: u32) -> {scalar} {{ return input(i); }}\n")
    };
    element(shader, output, if four { Form::Four } else { Form::One }, &body, options)
}

/// Statements that turn the element number `i` into `name`, the position in a tensor walked with `strides` over `shape`.
///
/// Axes of size 1 and stride 0 cost nothing; neighbours that are walked as one are merged.
pub(crate) fn walk(name: &str, i: &str, shape: &[usize], strides: &[usize], offset: usize) -> String {
    let mut axes: Vec<(usize, usize)> = Vec::new();
    for (&size, &stride) in shape.iter().zip(strides) {
        match axes.last_mut() {
            _ if size == 1 => {}
            Some(outer) if outer.1 == size * stride => *outer = (outer.0 * size, stride),
            _ => axes.push((size, stride)),
        }
    }
    let mut inner: usize = axes.iter().map(|(size, _)| size).product();
    let mut terms = Vec::new();
    for (position, (size, stride)) in axes.iter().enumerate() {
        inner /= size;
        if *stride == 0 {
            continue;
        }
        let mut term = if inner > 1 { format!("{i} / {inner}u") } else { i.to_owned() };
        if position > 0 {
            term = format!("{term} % {size}u");
        }
        terms.push(if *stride > 1 { format!("{term} * {stride}u") } else { term });
    }
    if offset > 0 || terms.is_empty() {
        terms.push(format!("{offset}u"));
    }
    format!("let {name} = {};\n", terms.join(" + "))
}

/// Statements that name the coordinates of element number `i`: `prefix0`, `prefix1`, …
pub(crate) fn coordinates(prefix: &str, i: &str, shape: &[usize]) -> String {
    let mut text = String::new();
    for (axis, (size, inner)) in shape.iter().zip(packed_strides(shape)).enumerate() {
        let value = match (size, inner) {
            (0 | 1, _) => String::from("0u"),
            (_, 1) if axis == 0 => i.to_owned(),
            (_, 1) => format!("{i} % {size}u"),
            _ if axis == 0 => format!("{i} / {inner}u"),
            _ => format!("{i} / {inner}u % {size}u"),
        };
        let _ = writeln!(text, "let {prefix}{axis} = {value};");
    }
    text
}

/// Row-major strides of a packed tensor.
pub(crate) fn packed_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// A shape as `[outer, size, inner]` around an axis.
pub(crate) fn around(shape: &[usize], axis: usize) -> [usize; 3] {
    [shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()]
}

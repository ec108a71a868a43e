//! Kernels whose every output element is a function of its position: one invocation each, or each four.

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Storage, Tensor, fold};
use crate::error::Result;

const INVOCATIONS: usize = 64;

/// Positions of output elements that one call of `element` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backends::webgpu) enum Form {
    /// `fn element(i: u32) -> T`: element `i`.
    One,
    /// `fn element4(i: u32) -> vec4<T>`: elements `4·i` to `4·i + 3`.
    Four,
}

/// The dispatch that writes every element of `output`, whose port is `output`. `body` defines `element` or `element4`.
pub(in crate::backends::webgpu) fn element(
    mut shader: Shader<'_>,
    output: &Tensor,
    form: Form,
    body: &str,
    options: &Options,
) -> Result<Dispatch> {
    let count = output.elements;
    let packed = output.storage.is_packed();
    let width = if packed || form == Form::Four { 4 } else { 1 };
    shader.write("output", output, width);
    let invocations = count.div_ceil(width);
    let (workgroups, columns) = fold(invocations.div_ceil(INVOCATIONS), options.max_workgroups);
    let statement = match (form, packed) {
        (Form::Four, _) => String::from("set_output4(i, element4(i));"),
        (Form::One, false) => String::from("set_output(i, element(i));"),
        (Form::One, true) => {
            let scalar = if output.storage == Storage::I8 { "i32" } else { "u32" };
            let last = count - 1;
            let parts: Vec<String> = (0..4).map(|k| format!("element(min(4u * i + {k}u, {last}u))")).collect();
            format!("set_output4(i, vec4<{scalar}>({}));", parts.join(", "))
        }
    };
    let text = format!(
        "{body}@compute @workgroup_size({INVOCATIONS}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n\
         let i = id.x + id.y * {}u;\nif (i >= {invocations}u) {{ return; }}\n{statement}\n}}\n",
        columns * INVOCATIONS
    );
    shader.finish(&text, workgroups)
}

/// Statements that turn the element number `i` into `name`, the position in a tensor walked with `strides` over `shape`.
///
/// Axes of size 1 and stride 0 cost nothing; neighbours that are walked as one are merged.
pub(in crate::backends::webgpu) fn walk(name: &str, i: &str, shape: &[usize], strides: &[usize], offset: usize) -> String {
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

/// Row-major strides of a packed tensor.
pub(in crate::backends::webgpu) fn packed_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

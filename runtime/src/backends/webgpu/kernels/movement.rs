//! What the operators share that move elements: by an index they read, or by their own position. They move bits, whatever the elements are.

use super::super::emitter::Emitter;
use super::super::shader::{Tensor, fold};
use super::super::storage::Storage;
use super::element::{Form, coordinates, packed_strides};
use crate::error::Result;

/// `fn place_index(i: u32, size: u32) -> u32`: index number `i` of the port `indices`, as a place in an axis of `size` elements. Indices count from the end
/// where negative, and are kept inside the axis.
pub(crate) fn place_index(indices: &Tensor) -> String {
    let text = match indices.storage {
        Storage::I64 => {
            "let v = select(x, w_add(x, vec2<u32>(size, 0u)), wi_negative(x));\n\
             return select(select(v.x, size - 1u, v.y != 0u || v.x >= size), 0u, wi_negative(v));"
        }
        Storage::U64 => "return select(x.x, size - 1u, x.y != 0u || x.x >= size);",
        storage if storage.scalar() == "i32" => "let end = i32(size);\nreturn u32(clamp(select(x, x + end, x < 0), 0, end - 1));",
        _ => "return min(x, size - 1u);",
    };
    format!("fn place_index(i: u32, size: u32) -> u32 {{\nlet x = indices(i);\n{text}\n}}\n")
}

/// `fn first(i: u32) -> u32`: where the part begins that row `i` of the indices, `[…, depth]`, names.
pub(crate) fn first_of_row(indices: &Tensor, shape: &[usize], depth: usize) -> String {
    let strides = packed_strides(shape);
    let terms: Vec<String> = (0..depth)
        .map(|axis| format!("place_index(i * {depth}u + {axis}u, {}u) * {}u", shape[axis], strides[axis]))
        .chain((depth == 0).then(|| String::from("0u")))
        .collect();
    format!("{}fn first(i: u32) -> u32 {{ return {}; }}\n", place_index(indices), terms.join(" + "))
}

/// The input, but where `fn first(i: u32) -> u32` says that part `i` of the updates begins, that part of `inner` elements.
///
/// Three dispatches: every place forgets, every update says its number where it goes, the last one to speak is read.
pub(crate) fn scatter(emitter: &mut Emitter<'_>, first: &str, updates: usize, inner: usize) -> Result<()> {
    let (input, changes, output) = (emitter.tensor("input")?.raw(), emitter.tensor("updates")?.raw(), emitter.output.raw());
    // One number per place that an index can name.
    let winners = emitter.scratch(Storage::U32, input.elements.checked_div(inner).unwrap_or(0));
    emitter.element(emitter.shader(), &winners, Form::One, "fn element(i: u32) -> u32 { return 0u; }\n")?;
    if updates > 0 {
        let mut shader = emitter.shader();
        shader.read("indices", &emitter.tensor("indices")?, 1);
        shader.raise("winners", &winners);
        let (workgroups, columns) = fold(updates.div_ceil(64), emitter.options.max_workgroups);
        let text = format!(
            "{first}@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n\
             let i = id.x + id.y * {}u;\nif (i >= {updates}u) {{ return; }}\nraise_winners(first(i) / {inner}u, i + 1u);\n}}\n",
            columns * 64
        );
        emitter.push(shader.finish(&text, workgroups)?);
    }
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    shader.read("winners", &winners, 1);
    let mut body = format!("fn element(i: u32) -> {} {{\n", input.storage.scalar());
    if updates > 0 {
        shader.read("updates", &changes, 1);
        body.push_str(&format!(
            "let winner = winners(i / {inner}u);\nif (winner > 0u) {{ return updates((winner - 1u) * {inner}u + i % {inner}u); }}\n"
        ));
    }
    body.push_str("return input(i);\n}\n");
    emitter.element(shader, &output, Form::One, &body)
}

/// Each element of the output from one place of the input: `rule` gives, by axis and the name of the output's coordinate, the statement
/// that makes the input's coordinate of the same name, or what is returned instead.
pub(crate) fn remap(emitter: &mut Emitter<'_>, rule: &dyn Fn(usize, &str) -> String) -> Result<()> {
    let (input, output) = (emitter.tensor("input")?.raw(), emitter.output.raw());
    let mut shader = emitter.shader();
    if input.elements > 0 {
        shader.read("input", &input, 1);
    }
    let mut body = format!("fn element(i: u32) -> {} {{\n{}", input.storage.scalar(), coordinates("o", "i", emitter.output_shape()));
    let mut terms = vec![String::from("0u")];
    for (axis, stride) in packed_strides(&emitter.operand("input").shape).iter().enumerate() {
        body.push_str(&rule(axis, &format!("o{axis}")));
        terms.push(format!("u32(a{axis}) * {stride}u"));
    }
    body.push_str(&match input.elements {
        0 => format!("return {}();\n}}\n", input.storage.scalar()),
        _ => format!("return input({});\n}}\n", terms.join(" + ")),
    });
    emitter.element(shader, &output, Form::One, &body)
}

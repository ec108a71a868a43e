//! Operators that move elements: by an index they read, by their own position, or into a part of their output. They move bits, whatever
//! the elements are.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use super::super::storage::Storage;
use super::element::{Form, coordinates, element, packed_strides, walk};
use crate::error::Result;

/// `fn place_index(i: u32, size: u32) -> u32`: index number `i` of the port `indices`, as a place in an axis of `size` elements. Indices count from the end
/// where negative, and are kept inside the axis.
fn place(indices: &Tensor) -> String {
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

/// `output[o, i, n] = input[o, indices[i], n]` for `input` as `[outer, size, inner]`.
pub(in crate::backends::webgpu) fn gather(
    input: &Tensor,
    indices: &Tensor,
    output: &Tensor,
    [outer, size, inner]: [usize; 3],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let (input, output) = (&input.raw(), &output.raw());
    let four = inner.is_multiple_of(4) && input.allows_four() && output.allows_four();
    let (form, width, suffix) = if four { (Form::Four, 4, "4") } else { (Form::One, 1, "") };
    shader.read("input", input, width);
    shader.read("indices", indices, 1);
    let (step, count) = (inner / width, indices.elements);
    let scalar = input.storage.scalar();
    let result = if four { format!("vec4<{scalar}>") } else { scalar.to_owned() };
    let position = if outer == 1 { String::new() } else { format!("i / {}u * {}u + ", count * step, size * step) };
    let body = format!(
        "{}fn element{suffix}(i: u32) -> {result} {{\nlet at = place_index(i / {step}u % {count}u, {size}u);\n\
         return input{suffix}({position}at * {step}u + i % {step}u);\n}}\n",
        place(indices)
    );
    element(shader, output, form, &body, options)
}

/// `output[i₀, …] = input[i₀, …, indices[i₀, …], …]`: the axis' index is what `indices` has at the output's place.
pub(in crate::backends::webgpu) fn gather_elements(
    (input, shape): (&Tensor, &[usize]),
    (indices, output_shape): (&Tensor, &[usize]),
    output: &Tensor,
    axis: usize,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let (input, output) = (&input.raw(), &output.raw());
    shader.read("input", input, 1);
    shader.read("indices", indices, 1);
    let mut strides = packed_strides(shape);
    let stride = std::mem::take(&mut strides[axis]);
    let body = format!(
        "{}fn element(i: u32) -> {} {{\n{}return input(at + place_index(i, {}u) * {stride}u);\n}}\n",
        place(indices),
        input.storage.scalar(),
        walk("at", "i", output_shape, &strides, 0),
        shape[axis]
    );
    element(shader, output, Form::One, &body, options)
}

/// `fn first(i: u32) -> u32`: where the part begins that row `i` of the indices, `[…, depth]`, names.
fn tuple(indices: &Tensor, shape: &[usize], depth: usize) -> String {
    let strides = packed_strides(shape);
    let terms: Vec<String> = (0..depth)
        .map(|axis| format!("place_index(i * {depth}u + {axis}u, {}u) * {}u", shape[axis], strides[axis]))
        .chain((depth == 0).then(|| String::from("0u")))
        .collect();
    format!("{}fn first(i: u32) -> u32 {{ return {}; }}\n", place(indices), terms.join(" + "))
}

/// `output[i, n] = input[indices[i], n]`, where a row of `indices` has as many indices as it names axes: `depth`.
pub(in crate::backends::webgpu) fn gather_nd(
    (input, shape): (&Tensor, &[usize]),
    indices: &Tensor,
    depth: usize,
    output: &Tensor,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let (input, output) = (&input.raw(), &output.raw());
    shader.read("input", input, 1);
    shader.read("indices", indices, 1);
    let inner: usize = shape[depth..].iter().product();
    let body = format!(
        "{}fn element(i: u32) -> {} {{ return input(first(i / {inner}u) + i % {inner}u); }}\n",
        tuple(indices, shape, depth),
        input.storage.scalar()
    );
    element(shader, output, Form::One, &body, options)
}

/// What is written over the input, and where.
pub(in crate::backends::webgpu) struct Scatter<'a> {
    pub(in crate::backends::webgpu) input: &'a Tensor,
    pub(in crate::backends::webgpu) shape: &'a [usize],
    pub(in crate::backends::webgpu) indices: &'a Tensor,
    pub(in crate::backends::webgpu) updates: &'a Tensor,
    pub(in crate::backends::webgpu) output: &'a Tensor,
    /// One number per place that an index can name: the elements, or the parts of `inner` elements.
    pub(in crate::backends::webgpu) winners: &'a Tensor,
}

impl Scatter<'_> {
    /// `output = input`, but at each element's index along `axis` the element of `updates`. `extent` is the shape of the indices.
    pub(in crate::backends::webgpu) fn elements(
        &self,
        extent: &[usize],
        axis: usize,
        options: &Options,
        label: &str,
    ) -> Result<Vec<Dispatch>> {
        let mut strides = packed_strides(self.shape);
        let stride = std::mem::take(&mut strides[axis]);
        let first = format!(
            "{}fn first(i: u32) -> u32 {{\n{}return at + place_index(i, {}u) * {stride}u;\n}}\n",
            place(self.indices),
            walk("at", "i", extent, &strides, 0),
            self.shape[axis]
        );
        self.dispatches(&first, self.indices.elements, 1, options, label)
    }

    /// `output = input`, but part `indices[i]` of it is part `i` of `updates`.
    pub(in crate::backends::webgpu) fn parts(&self, depth: usize, options: &Options, label: &str) -> Result<Vec<Dispatch>> {
        let inner: usize = self.shape[depth..].iter().product();
        let first = tuple(self.indices, self.shape, depth);
        self.dispatches(&first, self.indices.elements / depth.max(1), inner, options, label)
    }

    /// Three dispatches: every place forgets, every update says its number where it goes, the last one to speak is read.
    fn dispatches(&self, first: &str, updates: usize, inner: usize, options: &Options, label: &str) -> Result<Vec<Dispatch>> {
        let zeros = element(Shader::new(options, label), self.winners, Form::One, "fn element(i: u32) -> u32 { return 0u; }\n", options)?;
        let mut dispatches = vec![zeros];
        if updates > 0 {
            let mut shader = Shader::new(options, label);
            shader.read("indices", self.indices, 1);
            shader.raise("winners", self.winners);
            let (workgroups, columns) = fold(updates.div_ceil(64), options.max_workgroups);
            let text = format!(
                "{first}@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n\
                 let i = id.x + id.y * {}u;\nif (i >= {updates}u) {{ return; }}\nraise_winners(first(i) / {inner}u, i + 1u);\n}}\n",
                columns * 64
            );
            dispatches.push(shader.finish(&text, workgroups)?);
        }
        let (input, changes, output) = (self.input.raw(), self.updates.raw(), self.output.raw());
        let mut shader = Shader::new(options, label);
        shader.read("input", &input, 1);
        shader.read("winners", self.winners, 1);
        let mut body = format!("fn element(i: u32) -> {} {{\n", input.storage.scalar());
        if updates > 0 {
            shader.read("updates", &changes, 1);
            let _ = writeln!(
                body,
                "let winner = winners(i / {inner}u);\nif (winner > 0u) {{ return updates((winner - 1u) * {inner}u + i % {inner}u); }}"
            );
        }
        body.push_str("return input(i);\n}\n");
        dispatches.push(element(shader, &output, Form::One, &body, options)?);
        Ok(dispatches)
    }
}

/// Each element of the output from one place of the input: `rule` gives, by axis and the name of the output's coordinate, the statement
/// that makes the input's coordinate of the same name, or what is returned instead.
fn remap(
    (input, shape): (&Tensor, &[usize]),
    (output, output_shape): (&Tensor, &[usize]),
    rule: impl Fn(usize, &str) -> String,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let (input, output) = (&input.raw(), &output.raw());
    if input.elements > 0 {
        shader.read("input", input, 1);
    }
    let mut body = format!("fn element(i: u32) -> {} {{\n{}", input.storage.scalar(), coordinates("o", "i", output_shape));
    let strides = packed_strides(shape);
    let mut terms = vec![String::from("0u")];
    for (axis, stride) in strides.iter().enumerate() {
        body.push_str(&rule(axis, &format!("o{axis}")));
        terms.push(format!("u32(a{axis}) * {stride}u"));
    }
    if input.elements > 0 {
        let _ = writeln!(body, "return input({});", terms.join(" + "));
    } else {
        let _ = writeln!(body, "return {}();", input.storage.scalar());
    }
    body.push_str("}\n");
    element(shader, output, Form::One, &body, options)
}

/// A border of `value`, of the edge, or of the reflection; `before` elements of it before each axis.
pub(in crate::backends::webgpu) fn pad(
    input: (&Tensor, &[usize]),
    output: (&Tensor, &[usize]),
    before: &[usize],
    mode: &str,
    value: &str,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let (tensor, shape) = input;
    let raw = match tensor.storage {
        Storage::F32 => format!("bitcast<u32>({value})"),
        Storage::F16 => format!("m_half_bits({value})"),
        Storage::I32 | Storage::I8 | Storage::I4 => format!("bitcast<u32>({value})"),
        _ => value.to_owned(),
    };
    let rule = |axis: usize, o: &str| {
        let (before, size) = (before[axis], shape[axis]);
        if before == 0 && output.1[axis] == size {
            return format!("let a{axis} = {o};\n");
        }
        let index = format!("let x{axis} = i32({o}) - {before};\n");
        index
            + &match mode {
                "edge" => format!("let a{axis} = clamp(x{axis}, 0, {});\n", size as isize - 1),
                "reflection" => {
                    let last = size as isize - 1;
                    format!("let b{axis} = abs(x{axis});\nlet a{axis} = select(b{axis}, {} - b{axis}, b{axis} > {last});\n", 2 * last)
                }
                _ => format!("if (x{axis} < 0 || x{axis} >= {size}) {{ return {raw}; }}\nlet a{axis} = x{axis};\n"),
            }
    };
    remap(input, output, rule, options, label)
}

/// Repeats each axis.
pub(in crate::backends::webgpu) fn tile(
    input: (&Tensor, &[usize]),
    output: (&Tensor, &[usize]),
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    remap(input, output, |axis, o| format!("let a{axis} = {o} % {}u;\n", input.1[axis].max(1)), options, label)
}

/// Some axes from their ends.
pub(in crate::backends::webgpu) fn reverse(
    input: (&Tensor, &[usize]),
    output: &Tensor,
    axes: &[usize],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let rule = |axis: usize, o: &str| {
        if axes.contains(&axis) { format!("let a{axis} = {}u - {o};\n", input.1[axis] - 1) } else { format!("let a{axis} = {o};\n") }
    };
    remap(input, (output, input.1), rule, options, label)
}

/// One half of each matrix, the other one 0.
pub(in crate::backends::webgpu) fn triangular(
    (input, shape): (&Tensor, &[usize]),
    output: &Tensor,
    upper: bool,
    diagonal: i64,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    let (input, output) = (&input.raw(), &output.raw());
    shader.read("input", input, 1);
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    // Beyond every element of the matrix one diagonal is as good as another.
    let diagonal = diagonal.clamp(-(rows as i64) - 1, columns as i64 + 1);
    let scalar = input.storage.scalar();
    let sign = if upper { ">=" } else { "<=" };
    let body = format!(
        "fn element(i: u32) -> {scalar} {{\nlet row = i32(i / {columns}u % {rows}u);\nlet column = i32(i % {columns}u);\n\
         if (column {sign} row + ({diagonal})) {{ return input(i); }}\nreturn {scalar}();\n}}\n"
    );
    element(shader, output, Form::One, &body, options)
}

/// The inputs one after another along an axis; each is `[outer, size, inner]`. One dispatch an input where every part is whole words;
/// else one for all, or by way of `spread`, which has a word for every element of the output.
pub(in crate::backends::webgpu) fn concat(
    inputs: &[(Tensor, usize)],
    output: &Tensor,
    spread: impl FnOnce() -> Tensor,
    [outer, inner]: [usize; 2],
    options: &Options,
    label: &str,
) -> Result<Vec<Dispatch>> {
    let present = inputs.iter().filter(|(tensor, _)| tensor.elements > 0);
    let parts: Vec<(Tensor, usize)> = present.map(|(tensor, size)| (tensor.raw(), size * inner)).collect();
    let storage = output.storage.raw();
    if storage == Storage::U32 {
        return copies(&parts, &output.raw(), outer, options, label);
    }
    // As words: of packed elements fewer, of 64 bits more.
    if parts.iter().all(|(tensor, row)| (row * storage.bits()).is_multiple_of(32) && tensor.chunks.len() < 2) {
        let parts: Vec<_> = parts.iter().map(|(tensor, row)| (tensor.words(), row * storage.bits() / 32)).collect();
        return copies(&parts, &output.words(), outer, options, label);
    }
    if storage.is_wide() {
        return copies(&parts, &output.raw(), outer, options, label);
    }
    if parts.len() < options.max_bindings.min(NAMES.len() + 1) {
        return Ok(vec![concat_packed(&parts, &output.raw(), options, label)?]);
    }
    let spread = spread();
    let mut dispatches = copies(&parts, &spread, outer, options, label)?;
    dispatches.push(super::element::convert(&spread, &output.raw(), options, label)?);
    Ok(dispatches)
}

const NAMES: [&str; 7] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6"];

/// One dispatch a part; a part is a tensor and its elements in each of `outer` rows.
fn copies(parts: &[(Tensor, usize)], output: &Tensor, outer: usize, options: &Options, label: &str) -> Result<Vec<Dispatch>> {
    let total: usize = parts.iter().map(|(_, row)| row).sum();
    let mut first = 0;
    let mut dispatches = Vec::new();
    for (tensor, row) in parts {
        let four = [*row, total, first].iter().all(|count| count.is_multiple_of(4)) && tensor.allows_four() && output.allows_four();
        let (width, suffix) = if four { (4, "4") } else { (1, "") };
        let mut shader = Shader::new(options, label);
        shader.read("input", tensor, width);
        shader.write("output", output, width);
        let count = tensor.elements / width;
        let (workgroups, columns) = fold(count.div_ceil(64), options.max_workgroups);
        let place = walk("at", "i", &[outer, row / width], &[total / width, 1], first / width);
        let text = format!(
            "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\nlet i = id.x + id.y * {}u;\n\
             if (i >= {count}u) {{ return; }}\n{place}set_output{suffix}(at, input{suffix}(i));\n}}\n",
            columns * 64
        );
        dispatches.push(shader.finish(&text, workgroups)?);
        first += row;
    }
    Ok(dispatches)
}

fn concat_packed(parts: &[(Tensor, usize)], output: &Tensor, options: &Options, label: &str) -> Result<Dispatch> {
    let total: usize = parts.iter().map(|(_, row)| row).sum();
    let mut shader = Shader::new(options, label);
    let mut body = format!("fn element(i: u32) -> u32 {{\nlet o = i / {total}u;\nlet r = i % {total}u;\n");
    let mut first = 0;
    for (name, (tensor, row)) in NAMES.iter().zip(parts) {
        shader.read(name, tensor, 1);
        let _ = writeln!(body, "if (r < {}u) {{ return {name}(o * {row}u + r - {first}u); }}", first + row);
        first += row;
    }
    body.push_str("return 0u;\n}\n");
    element(shader, output, Form::One, &body, options)
}

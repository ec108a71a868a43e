//! Scaled dot-product attention in one dispatch: scores never leave the registers (online softmax).
//!
//! An invocation has one query of one head, and a workgroup shares a tile of keys and values. On a software adapter, where loads are
//! dear and registers are not, an invocation has two queries and reads keys and values where they are. Values wider than the registers
//! allow are computed in parts, each with the scores anew.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use super::expression::literal;
use crate::error::Result;

/// Largest head whose query, and part of a value that an invocation keeps in registers.
const REGISTERS: usize = 128;
/// Keys between two rescalings of the sums.
const KEYS: usize = 4;

/// Where element `(batch, position, head, 0)` of a tensor lies.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    pub(crate) tensor: &'a Tensor,
    pub(crate) offset: usize,
    pub(crate) batch: usize,
    pub(crate) row: usize,
    pub(crate) head: usize,
}

impl Heads<'_> {
    fn allow_four(&self) -> bool {
        [self.offset, self.batch, self.row, self.head].iter().all(|stride| stride.is_multiple_of(4)) && self.tensor.allows_four()
    }

    /// The position, in units of `width` elements.
    fn at(&self, position: &str, width: usize) -> String {
        let (offset, batch, row, head) = (self.offset / width, self.batch / width, self.row / width, self.head / width);
        format!("{offset}u + batch * {batch}u + ({position}) * {row}u + head * {head}u")
    }
}

/// The sizes and tensors of one attention.
pub(crate) struct Attention<'a> {
    pub(crate) batch: usize,
    pub(crate) heads: usize,
    pub(crate) query_length: usize,
    pub(crate) key_length: usize,
    pub(crate) head_size: usize,
    pub(crate) value_size: usize,
    pub(crate) query: Heads<'a>,
    pub(crate) key: Heads<'a>,
    pub(crate) value: Heads<'a>,
    pub(crate) mask: Option<(&'a Tensor, [usize; 4])>,
    pub(crate) scale: f64,
    pub(crate) output: &'a Tensor,
}

/// The dispatch of an attention.
pub(crate) fn attention(attention: &Attention<'_>, options: &Options, label: &str) -> Result<Dispatch> {
    let four = attention.head_size.is_multiple_of(4)
        && attention.value_size.is_multiple_of(4)
        && [attention.query, attention.key, attention.value].iter().all(Heads::allow_four)
        && attention.output.allows_four();
    let width = if four { 4 } else { 1 };
    let mut shader = Shader::new(options, label);
    shader.read("query", attention.query.tensor, width);
    shader.read("key", attention.key.tensor, width);
    shader.read("value", attention.value.tensor, width);
    if let Some((mask, _)) = attention.mask {
        shader.read("mask", mask, 1);
    }
    shader.write("context", attention.output, width);
    let registers = if four { REGISTERS } else { REGISTERS / 4 };
    let part = (attention.value_size / width).min(registers / width);
    let parts = (attention.value_size / width).div_ceil(part);
    // Fewer keys in a tile where heads are wide; none where even four do not fit.
    let lanes = if options.software { 8 } else { 64 };
    let tile = match options.workgroup_bytes / ((attention.head_size + part * width) * 4) / KEYS * KEYS {
        _ if options.software || attention.query_length < 8 => 0,
        tile => tile.min(16),
    };
    let queries = if options.software && attention.query_length > 1 { 2 } else { 1 };
    let dimensions = if attention.head_size <= registers { 1 } else { 1 + attention.head_size / width };
    shader.turns(attention.key_length.div_ceil(KEYS).saturating_mul(dimensions));
    let across = attention.query_length.div_ceil(lanes * queries);
    let groups = across * attention.batch * attention.heads * parts;
    let (workgroups, columns) = fold(groups, options.max_workgroups);
    let text = Text { attention, width, part, parts, lanes, queries, tile, across, groups, columns, registers }.write();
    shader.finish(&text, workgroups)
}

struct Text<'a> {
    attention: &'a Attention<'a>,
    width: usize,
    part: usize,
    parts: usize,
    lanes: usize,
    queries: usize,
    tile: usize,
    across: usize,
    groups: usize,
    columns: usize,
    registers: usize,
}

impl Text<'_> {
    fn write(&self) -> String {
        let Self { attention, width, part, lanes, queries, tile, .. } = self;
        let (suffix, float, zero) = if *width == 4 { ("4", "vec4<f32>", "vec4<f32>(0.0)") } else { ("", "f32", "0.0") };
        let (head, value) = (attention.head_size / width, attention.value_size / width);
        let in_registers = attention.head_size <= self.registers;
        let mut text = String::new();
        if *tile > 0 {
            let _ = writeln!(
                text,
                "var<workgroup> keys: array<{float}, {}>;\nvar<workgroup> values: array<{float}, {}>;",
                tile * head,
                tile * part
            );
        }
        let _ = writeln!(
            text,
            "@compute @workgroup_size({lanes})\n\
             fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{"
        );
        let _ = writeln!(text, "let number = group.x + group.y * {}u;\nif (number >= {}u) {{ return; }}", self.columns, self.groups);
        let _ = writeln!(
            text,
            "let position = (number % {0}u * {lanes}u + lane) * {queries}u;\nvar rest = number / {0}u;\n\
             let part = rest % {1}u * {part}u;\nrest /= {1}u;",
            self.across, self.parts
        );
        let _ = writeln!(text, "let head = rest % {0}u;\nlet batch = rest / {0}u;", attention.heads);
        for n in 0..*queries {
            let _ = writeln!(text, "let row{n} = min(position + {n}u, {}u);", attention.query_length - 1);
            let _ = writeln!(text, "let query_at{n} = {};", attention.query.at(&format!("row{n}"), *width));
            if in_registers {
                (0..head).for_each(|d| {
                    let _ = writeln!(text, "let q{n}_{d} = query{suffix}(query_at{n} + {d}u);");
                });
            }
            (0..*part).for_each(|d| {
                let _ = writeln!(text, "var sum{n}_{d} = {zero};");
            });
            let _ = writeln!(text, "var largest{n} = f32(-3.4028234663852886e38);\nvar weight{n} = 0.0;");
        }
        let last = attention.key_length.saturating_sub(1);
        if *tile > 0 {
            let _ = writeln!(text, "for (var first = 0u; first < {}u; first += {tile}u) {{\nworkgroupBarrier();", attention.key_length);
            let key = attention.key.at(&format!("min(first + i / {head}u, {last}u)"), *width);
            let _ =
                writeln!(text, "for (var i = lane; i < {}u; i += {lanes}u) {{ keys[i] = key{suffix}({key} + i % {head}u); }}", tile * head);
            let at = attention.value.at(&format!("min(first + i / {part}u, {last}u)"), *width);
            let _ = writeln!(
                text,
                "for (var i = lane; i < {}u; i += {lanes}u) {{ values[i] = value{suffix}({at} + min(part + i % {part}u, {}u)); }}\n\
                 workgroupBarrier();",
                tile * part,
                value - 1
            );
            let _ = writeln!(text, "for (var k = first; k < min(first + {tile}u, {}u); k += {KEYS}u) {{", attention.key_length);
            (0..KEYS).for_each(|k| {
                let _ = writeln!(text, "let key{k} = (k - first + {k}u) * {head}u;\nlet value{k} = (k - first + {k}u) * {part}u;");
            });
        } else {
            let _ = writeln!(text, "for (var k = 0u; k < {}u; k += {KEYS}u) {{", attention.key_length);
            for k in 0..KEYS {
                let position = format!("min(k + {k}u, {last}u)");
                let _ = writeln!(
                    text,
                    "let key{k} = {};\nlet value{k} = {};",
                    attention.key.at(&position, *width),
                    attention.value.at(&position, *width)
                );
            }
        }
        self.scores(&mut text, suffix, in_registers, head);
        for n in 0..*queries {
            let _ = writeln!(text, "let top{n} = max(largest{n}, max(max(score{n}.x, score{n}.y), max(score{n}.z, score{n}.w)));");
            let _ = writeln!(text, "let keep{n} = m_exp(largest{n} - top{n});\nvar p{n} = m4_exp(score{n} - top{n});");
            if !attention.key_length.is_multiple_of(KEYS) {
                let inside = format!("vec4<u32>(k) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>({}u)", attention.key_length);
                let _ = writeln!(text, "p{n} = select(vec4<f32>(0.0), p{n}, {inside});");
            }
            let _ = writeln!(text, "largest{n} = top{n};\nweight{n} = weight{n} * keep{n} + (p{n}.x + p{n}.y + p{n}.z + p{n}.w);");
        }
        for d in 0..*part {
            for k in 0..KEYS {
                let _ = match tile {
                    0 => writeln!(text, "let v{d}_{k} = value{suffix}(value{k} + {});", self.value_index(d, value)),
                    _ => writeln!(text, "let v{d}_{k} = values[value{k} + {d}u];"),
                };
            }
            for n in 0..*queries {
                let terms: Vec<String> = ["x", "y", "z", "w"].iter().enumerate().map(|(k, c)| format!("p{n}.{c} * v{d}_{k}")).collect();
                let _ = writeln!(text, "sum{n}_{d} = sum{n}_{d} * keep{n} + {};", terms.join(" + "));
            }
        }
        text.push_str(if *tile > 0 { "}\n}\n" } else { "}\n" });
        for n in 0..*queries {
            let _ = writeln!(text, "if (position + {n}u >= {}u) {{ return; }}\nlet factor{n} = 1.0 / weight{n};", attention.query_length);
            let row = format!("(batch * {}u + position + {n}u) * {}u + head", attention.query_length, attention.heads);
            let _ = writeln!(text, "let at{n} = ({row}) * {value}u + part;");
            for d in 0..*part {
                let guard = if value.is_multiple_of(*part) { String::new() } else { format!("if (part + {d}u < {value}u) ") };
                let store = format!("set_context{suffix}(at{n} + {d}u, sum{n}_{d} * factor{n});");
                let _ = writeln!(text, "{}", if guard.is_empty() { store } else { format!("{guard}{{ {store} }}") });
            }
        }
        text.push_str("}\n");
        text
    }

    /// Position inside a value, kept inside the last part.
    fn value_index(&self, d: usize, value: usize) -> String {
        match self.parts {
            1 => format!("{d}u"),
            _ if value.is_multiple_of(self.part) => format!("part + {d}u"),
            _ => format!("min(part + {d}u, {}u)", value - 1),
        }
    }

    /// `score0`, …: of four keys with each query, scaled and masked.
    fn scores(&self, text: &mut String, suffix: &str, in_registers: bool, head: usize) {
        let Self { attention, queries, .. } = self;
        let key = |k: usize, d: &str| if self.tile > 0 { format!("keys[key{k} + {d}]") } else { format!("key{suffix}(key{k} + {d})") };
        let product = |a: &str, b: &str| if self.width == 4 { format!("dot({a}, {b})") } else { format!("{a} * {b}") };
        (0..*queries).for_each(|n| {
            let _ = writeln!(text, "var score{n} = vec4<f32>(0.0);");
        });
        let dimensions: Vec<String> = if in_registers { (0..head).map(|d| format!("{d}u")).collect() } else { vec![String::from("d")] };
        if !in_registers {
            let _ = writeln!(text, "for (var d = 0u; d < {head}u; d++) {{");
        }
        for (number, d) in dimensions.iter().enumerate() {
            for k in 0..KEYS {
                let _ = writeln!(text, "let k{number}_{k} = {};", key(k, d));
            }
            for n in 0..*queries {
                let query = if in_registers { format!("q{n}_{number}") } else { format!("query{suffix}(query_at{n} + d)") };
                let _ = writeln!(text, "let e{n}_{number} = {query};");
                let parts: Vec<String> = (0..KEYS).map(|k| product(&format!("e{n}_{number}"), &format!("k{number}_{k}"))).collect();
                let _ = writeln!(text, "score{n} += vec4<f32>({});", parts.join(", "));
            }
        }
        if !in_registers {
            text.push_str("}\n");
        }
        for n in 0..*queries {
            let _ = writeln!(text, "score{n} *= {};", literal(attention.scale, "f32"));
            if let Some((_, [batch, head, row, column])) = attention.mask {
                let _ = writeln!(text, "let mask_at{n} = batch * {batch}u + head * {head}u + row{n} * {row}u;");
                let last = attention.key_length.saturating_sub(1);
                let parts: Vec<String> = (0..KEYS).map(|k| format!("mask(mask_at{n} + min(k + {k}u, {last}u) * {column}u)")).collect();
                let _ = writeln!(text, "score{n} += vec4<f32>({});", parts.join(", "));
            }
        }
    }
}

//! Kernels over rows: normalisations here, softmax in its file. A workgroup has a row on hardware, an invocation on a software adapter.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use super::expression::literal;
use crate::error::Result;

/// Elements of a row that one invocation walks on a software adapter.
const MAX_ROW: usize = 1 << 14;

/// How a kernel walks one row: `for (var i = FIRST; i < n; i += STEP)`, and how partial results meet.
pub(crate) struct Rows {
    pub(crate) lanes: usize,
}

impl Rows {
    /// An invocation for a row on a software adapter, unless that would take it too many turns.
    pub(crate) fn of(options: &Options, columns: usize) -> Self {
        Self { lanes: if options.software && columns <= MAX_ROW { 1 } else { 64 } }
    }

    /// Turns of an invocation that walks its part of a row so many times.
    pub(crate) fn turns(&self, columns: usize, walks: usize) -> usize {
        columns.div_ceil(self.lanes) * walks
    }

    /// `meet_sum` and `meet_max` over the invocations that share a row.
    fn functions(&self) -> String {
        if self.lanes == 1 {
            return String::from(
                "fn meet_sum(x: f32, lane: u32) -> f32 { return x; }\nfn meet_max(x: f32, lane: u32) -> f32 { return x; }\n",
            );
        }
        let lanes = self.lanes;
        let meet = |name: &str, fold: &str| {
            format!(
                "fn meet_{name}(x: f32, lane: u32) -> f32 {{\nworkgroupBarrier();\npartial[lane] = x;\nworkgroupBarrier();\n\
                 for (var half = {}u; half > 0u; half /= 2u) {{\nif (lane < half) {{ partial[lane] = {fold}; }}\nworkgroupBarrier();\n}}\n\
                 return partial[0];\n}}\n",
                lanes / 2
            )
        };
        let sum = meet("sum", "partial[lane] + partial[lane + half]");
        let max = meet("max", "max(partial[lane], partial[lane + half])");
        format!("var<workgroup> partial: array<f32, {lanes}>;\n{sum}{max}")
    }

    /// The entry point around `body`, which sees `row`, `lane` and ends without a return.
    pub(crate) fn main(&self, rows: usize, body: &str, options: &Options) -> (String, [u32; 3]) {
        let (per_group, size) = if self.lanes == 1 { (8, 8) } else { (1, self.lanes) };
        let (workgroups, columns) = fold(rows.div_ceil(per_group), options.max_workgroups);
        let (row, lane) = if self.lanes == 1 { ("number * 8u + index", "0u") } else { ("number", "index") };
        let text = format!(
            "{}@compute @workgroup_size({size})\n\
             fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {{\n\
             let number = group.x + group.y * {columns}u;\nlet row = {row};\nlet lane = {lane};\nif ({} >= {}u) {{ return; }}\n{body}}}\n",
            self.functions(),
            if self.lanes == 1 { "row" } else { "number" },
            if self.lanes == 1 { rows } else { rows.div_ceil(per_group) },
        );
        (text, workgroups)
    }
}

/// Rows of a tensor: packed ones of four or of one element a step, or strided ones.
pub(crate) struct LayerNormalization<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) scale: Option<&'a Tensor>,
    pub(crate) bias: Option<&'a Tensor>,
    pub(crate) output: &'a Tensor,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) epsilon: f64,
}

/// Mean first, then the variance of what is left: three passes over a row that stays in the cache.
pub(crate) fn layer_normalization(norm: &LayerNormalization<'_>, options: &Options, label: &str) -> Result<Dispatch> {
    let tensors = [Some(norm.input), Some(norm.output), norm.scale, norm.bias];
    let four = norm.columns.is_multiple_of(4) && tensors.iter().flatten().all(|tensor| tensor.allows_four());
    let (width, suffix) = if four { (4, "4") } else { (1, "") };
    let mut shader = Shader::new(options, label);
    shader.read("input", norm.input, width);
    if let Some(scale) = norm.scale {
        shader.read("scale", scale, width);
    }
    if let Some(bias) = norm.bias {
        shader.read("bias", bias, width);
    }
    shader.write("normal", norm.output, width);
    let rows = Rows::of(options, norm.columns);
    shader.turns(rows.turns(norm.columns / width, 3));
    let (count, lanes, columns) = (norm.columns / width, rows.lanes, norm.columns);
    let (zero, horizontal) = if four { ("vec4<f32>(0.0)", "sum.x + sum.y + sum.z + sum.w") } else { ("0.0", "sum") };
    let head = format!("for (var i = lane; i < {count}u; i += {lanes}u) {{");
    let mut body = format!("let start = row * {count}u;\nvar sum = {zero};\n{head} sum += input{suffix}(start + i); }}\n");
    let _ = writeln!(body, "let mean = meet_sum({horizontal}, lane) / f32({columns});\nsum = {zero};");
    let _ = writeln!(body, "{head} let d = input{suffix}(start + i) - mean; sum += d * d; }}");
    let _ = writeln!(body, "let factor = inverseSqrt(meet_sum({horizontal}, lane) / f32({columns}) + {});", literal(norm.epsilon, "f32"));
    let scale = norm.scale.map_or(String::new(), |_| format!(" * scale{suffix}(i)"));
    let bias = norm.bias.map_or(String::new(), |_| format!(" + bias{suffix}(i)"));
    let _ = writeln!(body, "{head} set_normal{suffix}(start + i, (input{suffix}(start + i) - mean) * factor{scale}{bias}); }}");
    let (text, workgroups) = rows.main(norm.rows, &body, options);
    shader.finish(&text, workgroups)
}

/// Normalisation over any axes: each row a walk over some, each of its elements one over the others.
pub(crate) struct Normalization<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) output: &'a Tensor,
    /// Sizes and strides of the axes that are kept apart, and of those that are normalised together.
    pub(crate) rows: (Vec<usize>, Vec<usize>),
    pub(crate) columns: (Vec<usize>, Vec<usize>),
    /// One factor and summand for each element of a row, or for each row's number in WGSL.
    pub(crate) scale: Option<&'a Tensor>,
    pub(crate) bias: Option<&'a Tensor>,
    pub(crate) index: &'a str,
    pub(crate) epsilon: f64,
}

/// As [`layer_normalization`], of rows that are not packed.
pub(crate) fn normalization(norm: &Normalization<'_>, options: &Options, label: &str) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    shader.read("input", norm.input, 1);
    let factors = [("scale", norm.scale, " * scale"), ("bias", norm.bias, " + bias")];
    let mut epilogue = String::new();
    for (name, tensor, term) in factors {
        if let Some(tensor) = tensor {
            shader.read(name, tensor, 1);
            let _ = write!(epilogue, "{term}({})", norm.index);
        }
    }
    shader.write("normal", norm.output, 1);
    let count: usize = norm.columns.0.iter().product();
    let rows = Rows::of(options, count);
    shader.turns(rows.turns(count, 3));
    let at = super::element::walk("at", "i", &norm.columns.0, &norm.columns.1, 0);
    let head = format!("for (var i = lane; i < {count}u; i += {}u) {{ {}", rows.lanes, at.trim_end());
    let start = super::element::walk("start", "row", &norm.rows.0, &norm.rows.1, 0);
    let body = format!(
        "{start}var sum = 0.0;\n{head} sum += input(start + at); }}\nlet mean = meet_sum(sum, lane) / f32({count});\nsum = 0.0;\n\
         {head} let d = input(start + at) - mean; sum += d * d; }}\n\
         let factor = inverseSqrt(meet_sum(sum, lane) / f32({count}) + {});\n\
         {head} set_normal(start + at, (input(start + at) - mean) * factor{epilogue}); }}\n",
        literal(norm.epsilon, "f32")
    );
    let (text, workgroups) = rows.main(norm.rows.0.iter().product(), &body, options);
    shader.finish(&text, workgroups)
}

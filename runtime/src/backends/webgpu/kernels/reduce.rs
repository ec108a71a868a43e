//! Reductions over any axes, and their relatives along one: one invocation an output element.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor};
use super::super::storage::Storage;
use super::element::{Form, element, packed_strides, walk};
use super::expression::literal;
use crate::error::Result;

/// What a reduction computes; WebNN's operators of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backends::webgpu) enum Reduction {
    L1,
    L2,
    LogSum,
    LogSumExp,
    Max,
    Mean,
    Min,
    Product,
    Sum,
    SumSquare,
}

impl Reduction {
    /// By the operator's name.
    pub(in crate::backends::webgpu) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "reduce_l1" => Reduction::L1,
            "reduce_l2" => Reduction::L2,
            "reduce_log_sum" => Reduction::LogSum,
            "reduce_log_sum_exp" => Reduction::LogSumExp,
            "reduce_max" => Reduction::Max,
            "reduce_mean" => Reduction::Mean,
            "reduce_min" => Reduction::Min,
            "reduce_product" => Reduction::Product,
            "reduce_sum" => Reduction::Sum,
            "reduce_sum_square" => Reduction::SumSquare,
            _ => return None,
        })
    }

    /// Start, step on `x`, end on `acc`.
    fn formula(self, storage: Storage, count: usize) -> (String, &'static str, String) {
        let scalar = storage.scalar();
        let (wide, signed) = (storage.is_wide(), storage == Storage::I64);
        // The first number of a float is infinite, of an integer the last of its range.
        let lowest = match scalar {
            "f32" => literal(f64::NEG_INFINITY, scalar),
            "i32" => "(-2147483647 - 1)".into(),
            _ if signed => "vec2<u32>(0u, 2147483648u)".into(),
            _ => format!("{scalar}()"),
        };
        let highest = match scalar {
            "f32" => literal(f64::INFINITY, scalar),
            "i32" => "2147483647".into(),
            _ if signed => "vec2<u32>(4294967295u, 2147483647u)".into(),
            _ => format!("{scalar}(4294967295u)"),
        };
        let (zero, one) = (format!("{scalar}()"), if wide { String::from("vec2<u32>(1u, 0u)") } else { format!("{scalar}(1)") });
        let plain = String::from("acc");
        match self {
            Reduction::L1 if signed => (zero, "w_add(acc, wi_abs(x))", plain),
            Reduction::L1 | Reduction::Sum if wide => (zero, "w_add(acc, x)", plain),
            Reduction::L1 if scalar == "u32" => (zero, "acc + x", plain),
            Reduction::L1 => (zero, "acc + abs(x)", plain),
            Reduction::L2 => (zero, "acc + x * x", "sqrt(acc)".into()),
            Reduction::LogSum => (zero, "acc + x", "log(acc)".into()),
            Reduction::LogSumExp => (zero, "acc + m_exp(x - top)", "top + log(acc)".into()),
            Reduction::Max if signed => (lowest, "wi_max(acc, x)", plain),
            Reduction::Max if wide => (lowest, "wu_max(acc, x)", plain),
            Reduction::Max if scalar == "f32" => (lowest, "m_max(acc, x)", plain),
            Reduction::Max => (lowest, "max(acc, x)", plain),
            Reduction::Mean => (zero, "acc + x", format!("acc / {scalar}({count})")),
            Reduction::Min if signed => (highest, "wi_min(acc, x)", plain),
            Reduction::Min if wide => (highest, "wu_min(acc, x)", plain),
            Reduction::Min if scalar == "f32" => (highest, "m_min(acc, x)", plain),
            Reduction::Min => (highest, "min(acc, x)", plain),
            Reduction::Product if wide => (one, "w_mul(acc, x)", plain),
            Reduction::Product => (one, "acc * x", plain),
            Reduction::Sum => (zero, "acc + x", plain),
            Reduction::SumSquare if wide => (zero, "w_add(acc, w_mul(x, x))", plain),
            Reduction::SumSquare => (zero, "acc + x * x", plain),
        }
    }
}

/// Reduces `axes` of a packed `input` of this shape.
pub(in crate::backends::webgpu) fn reduce(
    reduction: Reduction,
    input: &Tensor,
    output: &Tensor,
    shape: &[usize],
    axes: &[usize],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let Split { kept, kept_strides, reduced, reduced_strides } = split(shape, axes);
    let count: usize = reduced.iter().product();
    let scalar = input.storage.scalar();
    let mut shader = Shader::new(options, label);
    let (start, step, end) = reduction.formula(input.storage, count);
    let mut body = format!("fn element(i: u32) -> {scalar} {{\n{}", walk("start", "i", &kept, &kept_strides, 0));
    if count > 0 {
        shader.read("input", input, 1);
        let at = walk("at", "k", &reduced, &reduced_strides, 0);
        if reduction == Reduction::LogSumExp {
            let _ = writeln!(
                body,
                "var top = f32(-3.4028234663852886e38);\nfor (var k = 0u; k < {count}u; k++) {{ {at}top = max(top, input(start + at)); }}\n\
                 top = select(top, 0.0, m_isinf(top) == 1u || top == f32(-3.4028234663852886e38));"
            );
        }
        let _ = writeln!(
            body,
            "var acc = {start};\nfor (var k = 0u; k < {count}u; k++) {{ {at}let x = input(start + at); acc = {step}; }}\nreturn {end};\n}}"
        );
    } else {
        // Of no elements: what the reduction starts from; a mean of them is no number, a logarithm of their sum infinite.
        let empty = match reduction {
            Reduction::Mean => literal(f64::NAN, "f32"),
            Reduction::LogSum | Reduction::LogSumExp => literal(f64::NEG_INFINITY, "f32"),
            _ => start,
        };
        let _ = writeln!(body, "return {empty};\n}}");
    }
    element(shader, output, Form::One, &body, options)
}

/// The axes that stay and those that are reduced, with their strides.
struct Split {
    kept: Vec<usize>,
    kept_strides: Vec<usize>,
    reduced: Vec<usize>,
    reduced_strides: Vec<usize>,
}

fn split(shape: &[usize], axes: &[usize]) -> Split {
    let strides = packed_strides(shape);
    let pick = |reduced: bool| -> (Vec<usize>, Vec<usize>) {
        let axes = (0..shape.len()).filter(|axis| axes.contains(axis) == reduced);
        axes.map(|axis| (shape[axis], strides[axis])).unzip()
    };
    let ((kept, kept_strides), (reduced, reduced_strides)) = (pick(false), pick(true));
    Split { kept, kept_strides, reduced, reduced_strides }
}

/// The index, along one axis of `[outer, size, inner]`, of the greatest or least element; the first of equals.
pub(in crate::backends::webgpu) fn arg(
    greatest: bool,
    input: &Tensor,
    output: &Tensor,
    [outer, size, inner]: [usize; 3],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    shader.read("input", input, 1);
    let better = match (input.storage, greatest) {
        (Storage::I64, true) => "wi_less(best, x)",
        (Storage::I64, false) => "wi_less(x, best)",
        (Storage::U64, true) => "wu_less(best, x)",
        (Storage::U64, false) => "wu_less(x, best)",
        (_, true) => "x > best",
        (_, false) => "x < best",
    };
    // The first that is no number is taken, as of floats it is in no order.
    let better =
        if input.storage.scalar() == "f32" { format!("{better} || (m_isnan(x) == 1u && m_isnan(best) == 0u)") } else { better.to_owned() };
    let result = match output.storage.scalar() {
        "vec2<u32>" => "vec2<u32>(found, 0u)",
        "i32" => "i32(found)",
        _ => "found",
    };
    let start = walk("start", "i", &[outer, inner], &[size * inner, 1], 0);
    let body = format!(
        "fn element(i: u32) -> {} {{\n{start}var best = input(start);\nvar found = 0u;\n\
         for (var k = 1u; k < {size}u; k++) {{ let x = input(start + k * {inner}u); if ({better}) {{ best = x; found = k; }} }}\n\
         return {result};\n}}\n",
        output.storage.scalar()
    );
    element(shader, output, Form::One, &body, options)
}

/// Running sums along the middle of `[…, size, inner]`; an invocation adds up what stands before its element.
pub(in crate::backends::webgpu) fn cumulative_sum(
    input: &Tensor,
    output: &Tensor,
    [size, inner]: [usize; 2],
    [exclusive, reversed]: [bool; 2],
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    shader.read("input", input, 1);
    let add = match input.storage {
        storage if storage.is_wide() => "w_add(sum, x)",
        _ => "sum + x",
    };
    let own = if exclusive { "k" } else { "k + 1u" };
    let (first, end) = match (reversed, exclusive) {
        (false, _) => (String::from("0u"), own.to_owned()),
        (true, true) => (String::from("k + 1u"), format!("{size}u")),
        (true, false) => (String::from("k"), format!("{size}u")),
    };
    let body = format!(
        "fn element(i: u32) -> {0} {{\nlet k = i / {inner}u % {size}u;\nlet start = i - k * {inner}u;\nvar sum = {0}();\n\
         for (var j = {first}; j < {end}; j++) {{ let x = input(start + j * {inner}u); sum = {add}; }}\nreturn sum;\n}}\n",
        input.storage.scalar()
    );
    element(shader, output, Form::One, &body, options)
}

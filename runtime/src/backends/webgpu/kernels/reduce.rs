//! Reductions over any axes: one invocation an output element.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor};
use super::element::{Form, element, packed_strides, walk};
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
    fn formula(self, scalar: &str, count: usize) -> (String, &'static str, String) {
        let lowest = match scalar {
            "f32" => "f32(-3.4028234663852886e38)",
            "i32" => "(-2147483647 - 1)",
            _ => "0u",
        };
        let highest = match scalar {
            "f32" => "f32(3.4028234663852886e38)",
            "i32" => "2147483647",
            _ => "4294967295u",
        };
        let zero = format!("{scalar}(0)");
        let plain = String::from("acc");
        match self {
            Reduction::L1 if scalar == "u32" => (zero, "acc + x", plain),
            Reduction::L1 => (zero, "acc + abs(x)", plain),
            Reduction::L2 => (zero, "acc + x * x", "sqrt(acc)".into()),
            Reduction::LogSum => (zero, "acc + x", "log(acc)".into()),
            Reduction::LogSumExp => (zero, "acc + m_exp(x - top)", "top + log(acc)".into()),
            Reduction::Max => (lowest.into(), "max(acc, x)", plain),
            Reduction::Mean => (zero, "acc + x", format!("acc / {scalar}({})", count.max(1))),
            Reduction::Min => (highest.into(), "min(acc, x)", plain),
            Reduction::Product => (format!("{scalar}(1)"), "acc * x", plain),
            Reduction::Sum => (zero, "acc + x", plain),
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
    let strides = packed_strides(shape);
    let pick = |reduced: bool| -> (Vec<usize>, Vec<usize>) {
        let axes = (0..shape.len()).filter(|axis| axes.contains(axis) == reduced);
        axes.map(|axis| (shape[axis], strides[axis])).unzip()
    };
    let ((kept, kept_strides), (reduced, reduced_strides)) = (pick(false), pick(true));
    let count: usize = reduced.iter().product();
    let scalar = input.storage.scalar();
    let mut shader = Shader::new(options, label);
    shader.read("input", input, 1);
    let (start, step, end) = reduction.formula(scalar, count);
    let mut body = format!("fn element(i: u32) -> {scalar} {{\n{}", walk("start", "i", &kept, &kept_strides, 0));
    let at = walk("at", "k", &reduced, &reduced_strides, 0);
    if reduction == Reduction::LogSumExp {
        let _ = writeln!(
            body,
            "var top = f32(-3.4028234663852886e38);\nfor (var k = 0u; k < {count}u; k++) {{ {at}top = max(top, input(start + at)); }}"
        );
    }
    let _ = writeln!(
        body,
        "var acc = {start};\nfor (var k = 0u; k < {count}u; k++) {{ {at}let x = input(start + at); acc = {step}; }}\nreturn {end};\n}}"
    );
    element(shader, output, Form::One, &body, options)
}

//! The general matrix product: factors, either side transposed, a third matrix that broadcasts. One invocation an element; the products
//! of models go through `matmul.rs`.

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor};
use super::element::{Form, element};
use super::expression::literal;
use crate::error::Result;

/// `output = alpha · a · b + beta · c`
pub(in crate::backends::webgpu) struct Gemm<'a> {
    pub(in crate::backends::webgpu) a: &'a Tensor,
    pub(in crate::backends::webgpu) b: &'a Tensor,
    /// The matrix and its shape, of rank 2 at most.
    pub(in crate::backends::webgpu) c: Option<(&'a Tensor, &'a [usize])>,
    /// Whether `a` is `[inner, rows]`, and `b` `[columns, inner]`.
    pub(in crate::backends::webgpu) transposed: [bool; 2],
    /// `alpha` and `beta`.
    pub(in crate::backends::webgpu) factors: [f64; 2],
    pub(in crate::backends::webgpu) inner: usize,
}

impl Gemm<'_> {
    /// The dispatch; the output's shape is `[rows, columns]`.
    pub(in crate::backends::webgpu) fn dispatch(
        &self,
        (output, shape): (&Tensor, &[usize]),
        options: &Options,
        label: &str,
    ) -> Result<Dispatch> {
        let (rows, columns, inner) = (shape[0], shape[1], self.inner);
        let mut shader = Shader::new(options, label);
        let a = if self.transposed[0] { format!("k * {rows}u + row") } else { format!("row * {inner}u + k") };
        let b = if self.transposed[1] { format!("column * {inner}u + k") } else { format!("k * {columns}u + column") };
        let mut body = format!("fn element(i: u32) -> f32 {{\nlet row = i / {columns}u;\nlet column = i % {columns}u;\nvar sum = 0.0;\n");
        if inner > 0 {
            shader.read("a", self.a, 1);
            shader.read("b", self.b, 1);
            body.push_str(&format!("for (var k = 0u; k < {inner}u; k++) {{ sum += a({a}) * b({b}); }}\n"));
        }
        body.push_str(&format!("sum *= {};\n", literal(self.factors[0], "f32")));
        if let Some((c, shape)) = self.c {
            shader.read("c", c, 1);
            let size = |from_end: usize| shape.len().checked_sub(from_end).map_or(1, |axis| shape[axis]);
            let row = if size(2) == 1 { String::from("0u") } else { format!("row * {}u", size(1)) };
            let column = if size(1) == 1 { "0u" } else { "column" };
            body.push_str(&format!("sum += {} * c({row} + {column});\n", literal(self.factors[1], "f32")));
        }
        body.push_str("return sum;\n}\n");
        element(shader, output, Form::One, &body, options)
    }
}

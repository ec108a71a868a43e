//! General matrix product.

use super::rule::{FLOATS, broadcast, one_of, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Product of two matrices, scaled, plus a third. `output = alpha * a · b + beta * c`
    ///
    /// **Shapes** `a: [rows, inner]`, `b: [inner, columns]` (each transposed first where its option says so), `c` broadcasts → `[rows, columns]`.
    /// **Types** float32, float16.
    /// **Errors** a rank other than 2, inner sizes that differ, a `c` that does not broadcast.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gemm>
    gemm "gemm" GEMM (a: operand, b: operand)
    options GemmOptions {
        /// Added to the product.
        c: operand,
        /// Factor of the product.
        alpha: float = 1.0,
        /// Factor of `c`.
        beta: float = 1.0,
        /// Transpose `a` first.
        a_transpose: bool = false,
        /// Transpose `b` first.
        b_transpose: bool = false,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    one_of(a, "a", FLOATS)?;
    same_type(a, b, "`b`")?;
    let matrix = |operand: &OperandDescriptor, name: &str, transposed: bool| match operand.shape[..] {
        [rows, columns] => Ok(if transposed { [columns, rows] } else { [rows, columns] }),
        _ => Err(format!("`{name}` must have rank 2, found {:?}", operand.shape)),
    };
    let [rows, inner] = matrix(a, "a", call.bool("a_transpose"))?;
    let [inner_b, columns] = matrix(b, "b", call.bool("b_transpose"))?;
    if inner != inner_b {
        return Err(format!("the columns of `a` ({inner}) must be the rows of `b` ({inner_b})"));
    }
    let shape = vec![rows, columns];
    if let Some(c) = call.optional_operand("c") {
        same_type(a, c, "`c`")?;
        if broadcast(&c.shape, &shape)? != shape {
            return Err(format!("`c` {:?} does not broadcast to {shape:?}", c.shape));
        }
    }
    Ok(vec![OperandDescriptor { data_type: a.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, broadcast_strides, for_float};
    let (rows, columns) = (outputs[0].shape()[0], outputs[0].shape()[1]);
    let strides = |transposed: bool, inner: usize, outer: usize| if transposed { (1, outer) } else { (inner, 1) };
    let (a_transposed, b_transposed) = (arguments.bool("a_transpose"), arguments.bool("b_transpose"));
    let inner = arguments.operand("a").shape[usize::from(!a_transposed)];
    let (a_row, a_column) = strides(a_transposed, inner, rows);
    let (b_row, b_column) = strides(b_transposed, columns, inner);
    let c_strides = arguments.optional_operand("c").map(|c| broadcast_strides(&c.shape, outputs[0].shape()));
    let (alpha, beta) = (arguments.float("alpha"), arguments.float("beta"));
    for_float!(outputs[0].descriptor.data_type, T => {
        let (a, b, c) = (arguments.get::<T>("a"), arguments.get::<T>("b"), arguments.optional::<T>("c"));
        let output = outputs[0].elements::<T>();
        for row in 0..rows {
            for column in 0..columns {
                let product = |k: usize| a[row * a_row + k * a_column].to_f64() * b[k * b_row + column * b_column].to_f64();
                let mut sum = alpha * (0..inner).map(product).sum::<f64>();
                if let (Some(c), Some(strides)) = (c, &c_strides) {
                    sum += beta * c[row * strides[0] + column * strides[1]].to_f64();
                }
                output[row * columns + column] = T::from_f64(sum);
            }
        }
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Form, literal};
    let (a, b, c) = (emitter.floats("a")?, emitter.floats("b")?, emitter.optional("c")?);
    let (transpose_a, transpose_b) = (emitter.bool("a_transpose"), emitter.bool("b_transpose"));
    let (rows, columns) = (emitter.output_shape()[0], emitter.output_shape()[1]);
    let inner = emitter.operand("a").shape[usize::from(!transpose_a)];
    let mut shader = emitter.shader();
    let a_at = if transpose_a { format!("k * {rows}u + row") } else { format!("row * {inner}u + k") };
    let b_at = if transpose_b { format!("column * {inner}u + k") } else { format!("k * {columns}u + column") };
    // One invocation an element: the products of models go through the kernel of `matmul`.
    let mut body = format!("fn element(i: u32) -> f32 {{\nlet row = i / {columns}u;\nlet column = i % {columns}u;\nvar sum = 0.0;\n");
    if inner > 0 {
        shader.read("a", &a, 1);
        shader.read("b", &b, 1);
        shader.turns(inner);
        body.push_str(&format!("for (var k = 0u; k < {inner}u; k++) {{ sum += a({a_at}) * b({b_at}); }}\n"));
    }
    body.push_str(&format!("sum *= {};\n", literal(emitter.float("alpha"), "f32")));
    if let (Some(c), Some(descriptor)) = (c, emitter.optional_operand("c")) {
        shader.read("c", &c, 1);
        let shape = &descriptor.shape;
        let size = |from_end: usize| shape.len().checked_sub(from_end).map_or(1, |axis| shape[axis]);
        let row = if size(2) == 1 { String::from("0u") } else { format!("row * {}u", size(1)) };
        let column = if size(1) == 1 { "0u" } else { "column" };
        body.push_str(&format!("sum += {} * c({row} + {column});\n", literal(emitter.float("beta"), "f32")));
    }
    body.push_str("return sum;\n}\n");
    emitter.element(shader, &emitter.output.clone(), Form::One, &body)
}

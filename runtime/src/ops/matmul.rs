//! Matrix product with broadcast batches.

use super::rule::{FLOATS, broadcast, one_of, same_type};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// Matrix product of the last two axes; the axes before them broadcast. `output = a · b`
    ///
    /// **Shapes** `a: […, rows, inner]`, `b: […, inner, columns]` → `[…, rows, columns]`.
    /// **Types** float32, float16.
    /// **Errors** rank below 2, inner sizes that differ, batches that do not broadcast.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-matmul>
    matmul "matmul" MATMUL (a: operand, b: operand)
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    one_of(a, "a", FLOATS)?;
    same_type(a, b, "`b`")?;
    if a.rank() < 2 || b.rank() < 2 {
        return Err(format!("`a` and `b` must have a rank of at least 2, found {} and {}", a.rank(), b.rank()));
    }
    let (batch_a, matrix_a) = a.shape.split_at(a.rank() - 2);
    let (batch_b, matrix_b) = b.shape.split_at(b.rank() - 2);
    if matrix_a[1] != matrix_b[0] {
        return Err(format!(
            "the columns of `a` ({}) must be the rows of `b` ({}); shapes {:?} and {:?}",
            matrix_a[1], matrix_b[0], a.shape, b.shape
        ));
    }
    let mut shape = broadcast(batch_a, batch_b)?;
    shape.extend([matrix_a[0], matrix_b[1]]);
    Ok(vec![OperandDescriptor { data_type: a.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, broadcast_strides, each_index, for_float, offset};
    let (shape_a, shape_b) = (&arguments.operand("a").shape, &arguments.operand("b").shape);
    let shape = outputs[0].shape().to_vec();
    let (batch, matrix) = shape.split_at(shape.len() - 2);
    let (rows, columns, inner) = (matrix[0], matrix[1], shape_a[shape_a.len() - 1]);
    let strides_a = broadcast_strides(&shape_a[..shape_a.len() - 2], batch);
    let strides_b = broadcast_strides(&shape_b[..shape_b.len() - 2], batch);
    for_float!(outputs[0].descriptor.data_type, T => {
        let (a, b) = (arguments.get::<T>("a"), arguments.get::<T>("b"));
        let output = outputs[0].elements::<T>();
        each_index(batch, |number, index| {
            let (a, b) = (&a[offset(index, &strides_a) * rows * inner..], &b[offset(index, &strides_b) * inner * columns..]);
            for row in 0..rows {
                for column in 0..columns {
                    let product = |k: usize| a[row * inner + k].to_f64() * b[k * columns + column].to_f64();
                    output[(number * rows + row) * columns + column] = T::from_f64((0..inner).map(product).sum());
                }
            }
        });
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::Product;
    let (a, b) = (emitter.floats("a")?, emitter.floats("b")?);
    let (a_shape, b_shape) = (&emitter.operand("a").shape, &emitter.operand("b").shape);
    let rank = a_shape.len().max(b_shape.len()) - 2;
    let strides = |shape: &[usize]| -> (Vec<usize>, Vec<usize>) {
        let (batch, matrix) = shape.split_at(shape.len() - 2);
        let mut sizes = vec![1; rank - batch.len()];
        sizes.extend(batch);
        let mut stride: usize = matrix.iter().product();
        let mut strides = vec![0; rank];
        for axis in (0..rank).rev() {
            strides[axis] = if sizes[axis] == 1 { 0 } else { stride };
            stride *= sizes[axis];
        }
        (sizes, strides)
    };
    let ((a_sizes, a_strides), (b_sizes, b_strides)) = (strides(a_shape), strides(b_shape));
    let product = Product {
        a: &a,
        b: &b,
        rows: a_shape[a_shape.len() - 2],
        inner: a_shape[a_shape.len() - 1],
        columns: b_shape[b_shape.len() - 1],
        transposed: false,
        batch: a_sizes.iter().zip(&b_sizes).map(|(a, b)| *a.max(b)).collect(),
        a_strides,
        b_strides,
        bias: None,
        bias_groups: None,
        contents_of_a: None,
        contents_of_b: None,
    };
    product.emit(emitter)
}

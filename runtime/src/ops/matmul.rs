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
        return Err(format!("the columns of `a` ({}) must be the rows of `b` ({}); shapes {:?} and {:?}", matrix_a[1], matrix_b[0], a.shape, b.shape));
    }
    let mut shape = broadcast(batch_a, batch_b)?;
    shape.extend([matrix_a[0], matrix_b[1]]);
    Ok(vec![OperandDescriptor { data_type: a.data_type, shape }])
}

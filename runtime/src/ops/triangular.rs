//! Half of a matrix.

use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The part of each matrix (the last two axes) above or below a diagonal; 0 elsewhere.
    ///
    /// `diagonal` counts from the main one, upward: -1 is the one below it.
    ///
    /// **Shapes** as the input.
    /// **Types** all.
    /// **Errors** a rank below 2.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-triangular>
    triangular "triangular" TRIANGULAR (input: operand)
    options TriangularOptions {
        /// Keep what is above; else what is below.
        upper: bool = true,
        /// The diagonal, a whole number; it is kept too.
        diagonal: float = 0.0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    if input.rank() < 2 {
        return Err(format!("the input must have a rank of at least 2, found {}", input.rank()));
    }
    let diagonal = call.float("diagonal");
    if diagonal != diagonal.trunc() || diagonal.abs() > f64::from(i32::MAX) {
        return Err(format!("`diagonal` must be a whole number, found {diagonal}"));
    }
    Ok(vec![input.clone()])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    let shape = outputs[0].shape();
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let (upper, diagonal) = (arguments.bool("upper"), arguments.float("diagonal") as i64);
    let size = outputs[0].descriptor.data_type.bits().div_ceil(8);
    for (number, (output, input)) in outputs[0].bytes.chunks_mut(size).zip(arguments.operands[0].chunks(size)).enumerate() {
        let (row, column) = ((number / columns % rows) as i64, (number % columns) as i64);
        if if upper { column >= row + diagonal } else { column <= row + diagonal } {
            output.copy_from_slice(input);
        } else {
            output.fill(0);
        }
    }
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let (input, output, shape) = (emitter.tensor("input")?.raw(), emitter.output.raw(), &emitter.operand("input").shape);
    let mut shader = emitter.shader();
    shader.read("input", &input, 1);
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    // Beyond every element of the matrix one diagonal is as good as another.
    let diagonal = (emitter.float("diagonal") as i64).clamp(-(rows as i64) - 1, columns as i64 + 1);
    let scalar = input.storage.scalar();
    let sign = if emitter.bool("upper") { ">=" } else { "<=" };
    let body = format!(
        "fn element(i: u32) -> {scalar} {{\nlet row = i32(i / {columns}u % {rows}u);\nlet column = i32(i % {columns}u);\n\
         if (column {sign} row + ({diagonal})) {{ return input(i); }}\nreturn {scalar}();\n}}\n"
    );
    emitter.element(shader, &output, crate::backends::webgpu::Form::One, &body)
}

//! Axes in another order.

use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The axes in another order. `output[i₀, i₁, …]` reads axis `permutation[k]` of the input by `iₖ`.
    ///
    /// **Shapes** size `k` of the output is size `permutation[k]` of the input.
    /// **Types** all.
    /// **Errors** a permutation that does not name every axis once.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-transpose>
    transpose "transpose" TRANSPOSE (input: operand)
    options TransposeOptions {
        /// The order; reversed if absent.
        permutation: ints,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    let permutation = permutation(call);
    if permutation.len() != input.rank() || !(0..input.rank()).all(|axis| permutation.contains(&axis)) {
        return Err(format!("`permutation` {permutation:?} does not name each of the {} axes once", input.rank()));
    }
    let shape = permutation.iter().map(|&axis| input.shape[axis]).collect();
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

/// The permutation of a call, with the default filled in.
pub(crate) fn permutation(call: &Call<'_>) -> Vec<usize> {
    match call.optional_ints("permutation") {
        Some(permutation) => permutation.to_vec(),
        None => (0..call.operand("input").rank()).rev().collect(),
    }
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{move_elements, offset, strides};
    let packed = strides(&arguments.operand("input").shape);
    let walked: Vec<usize> = permutation(arguments).iter().map(|&axis| packed[axis]).collect();
    move_elements(arguments.operands[0], &mut outputs[0], |index| offset(index, &walked));
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    let packed = crate::backends::webgpu::packed_strides(&emitter.operand("input").shape);
    let walked = permutation(emitter).iter().map(|&axis| packed[axis]).collect();
    emitter.view(emitter.outputs[0], 0, walked)
}

//! The elements in another type.

use crate::graph::{Call, DataType, OperandDescriptor, operator};

operator! {
    /// The elements in another type; floats become integers by truncation.
    ///
    /// **Shapes** as the input.
    /// **Types** all → `data_type`.
    /// **Errors** none.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-cast>
    cast "cast" CAST (input: operand, data_type: data_type)
    rule rule;
    kernel kernel;
    wgsl crate::backends::webgpu::elementwise;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let data_type: DataType = call.data_type("data_type");
    Ok(vec![OperandDescriptor { data_type, shape: call.operand("input").shape.clone() }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, convert, for_type, within_four_bits};
    let data_type = outputs[0].descriptor.data_type;
    for_type!(arguments.operand("input").data_type, T => {
        let within = |x: T| if T::IS_FLOAT { T::from_f64(within_four_bits(data_type, x.to_f64())) } else { x };
        for_type!(data_type, U => {
            let input = arguments.get::<T>("input").iter();
            outputs[0].elements::<U>().iter_mut().zip(input).for_each(|(output, x)| *output = convert::<T, U>(within(*x)));
        })
    })
}

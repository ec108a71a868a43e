//! A choice between two tensors, element by element.

use super::rule::{broadcast, one_of, same_type};
use crate::graph::{Call, DataType, OperandDescriptor, operator};

operator! {
    /// One of two, by a condition. `output = condition != 0 ? true_value : false_value`
    ///
    /// **Shapes** all three broadcast.
    /// **Types** all, both values of one type; condition uint8.
    /// **Errors** shapes that do not broadcast, types that differ.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-where>
    where_ "where" WHERE (condition: operand, true_value: operand, false_value: operand)
    rule rule;
    kernel kernel;
    wgsl crate::backends::webgpu::elementwise;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let condition = call.operand("condition");
    let (true_value, false_value) = (call.operand("true_value"), call.operand("false_value"));
    one_of(condition, "condition", &[DataType::Uint8])?;
    same_type(true_value, false_value, "`false_value`")?;
    let shape = broadcast(&condition.shape, &broadcast(&true_value.shape, &false_value.shape)?)?;
    Ok(vec![OperandDescriptor { data_type: true_value.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{broadcast_strides, each_index, for_type, offset};
    let shape = outputs[0].shape().to_vec();
    let [c, t, f] = ["condition", "true_value", "false_value"].map(|name| broadcast_strides(&arguments.operand(name).shape, &shape));
    let condition = arguments.get::<u8>("condition");
    for_type!(outputs[0].descriptor.data_type, T => {
        let (true_value, false_value) = (arguments.get::<T>("true_value"), arguments.get::<T>("false_value"));
        let output = outputs[0].elements::<T>();
        each_index(&shape, |number, index| {
            let chosen = condition[offset(index, &c)] != 0;
            output[number] = if chosen { true_value[offset(index, &t)] } else { false_value[offset(index, &f)] };
        });
    })
}

//! Every operator in every type that its rule accepts: there is a kernel, and naga takes its text.

use super::*;
use crate::graph::{Argument, DefaultValue, Kind, OPERATORS, Operator};

/// The shape that a tensor has among an operator's arguments. Images have 4 channels.
fn shape(operator: &str, parameter: &str) -> Vec<usize> {
    let (gates, cell) = (if operator.starts_with("lstm") { 4 } else { 3 }, operator.ends_with("_cell"));
    let network = |shape: &[usize]| if cell { shape.to_vec() } else { [&[2], shape].concat() };
    match (operator, parameter) {
        ("gemm" | "matmul", _) => vec![5, 5],
        ("conv2d" | "conv_transpose2d", "filter") => vec![4, 4, 3, 2],
        ("lstm" | "lstm_cell" | "gru" | "gru_cell", _) => match parameter {
            "input" if cell => vec![3, 6],
            "input" => vec![2, 3, 6],
            "weight" => network(&[gates * 5, 6]),
            "recurrent_weight" => network(&[gates * 5, 5]),
            "bias" | "recurrent_bias" => network(&[gates * 5]),
            "peephole_weight" => network(&[15]),
            _ => network(&[3, 5]),
        },
        ("layer_normalization", "scale" | "bias") => vec![4, 6, 4],
        (_, "mean" | "variance" | "bias") | ("batch_normalization" | "instance_normalization", "scale") => vec![4],
        ("quantize_linear" | "dequantize_linear", "scale" | "zero_point") => vec![2, 1, 3, 1],
        ("gather", "indices") => vec![3],
        ("gather_nd" | "scatter_nd", "indices") => vec![3, 2],
        ("scatter_nd", "updates") => vec![3, 6, 4],
        _ => vec![2, 4, 6, 4],
    }
}

/// A value for a parameter that is no tensor.
fn value(operator: &str, parameter: &str, data_type: DataType) -> Argument {
    match parameter {
        "axis" => Argument::Int(1),
        "steps" => Argument::Int(2),
        "hidden_size" => Argument::Int(5),
        "data_type" => Argument::DataType(data_type),
        "new_shape" if operator == "reshape" => Argument::Ints(vec![8, 24]),
        "new_shape" => Argument::Ints(vec![2, 4, 6, 4]),
        "starts" => Argument::Ints(vec![0, 1, 0, 0]),
        "sizes" => Argument::Ints(vec![2, 3, 6, 2]),
        "splits" => Argument::Ints(vec![1, 1]),
        "repetitions" => Argument::Ints(vec![1, 2, 1, 3]),
        "beginning_padding" | "ending_padding" => Argument::Ints(vec![0, 1, 2, 1]),
        _ => panic!("{operator} takes `{parameter}`"),
    }
}

/// The call with every tensor it may have, of `data_type` where the rule lets it; nothing where it refuses.
fn build(operator: &'static Operator, data_type: DataType, second: DataType) -> Option<Graph> {
    let builder = GraphBuilder::new();
    let tensor = |parameter: &str, number: usize| {
        let data_type = match (operator.name, parameter) {
            (_, "indices") => second,
            ("where", "condition") => DataType::Uint8,
            ("dequantize_linear", "scale") | ("quantize_linear", "zero_point") => second,
            _ => data_type,
        };
        let descriptor = OperandDescriptor::new(data_type, shape(operator.name, parameter)).unwrap();
        builder.input(&format!("{parameter}{number}"), descriptor).unwrap()
    };
    let (mut positional, mut named) = (Vec::new(), Vec::new());
    for parameter in operator.parameters {
        let argument = match parameter.kind {
            Kind::Operand => Argument::Operand(tensor(parameter.name, 0)),
            Kind::Operands => Argument::Operands((0..3).map(|number| tensor(parameter.name, number)).collect()),
            _ if parameter.default == DefaultValue::Required => value(operator.name, parameter.name, second),
            _ if parameter.name == "direction" => Argument::Text("both".into()),
            _ => continue,
        };
        if parameter.default == DefaultValue::Required {
            positional.push(argument);
        } else {
            named.push((parameter.name.to_owned(), argument));
        }
    }
    let outputs = builder.call_by_name(operator.name, positional, named).ok()?;
    outputs.iter().enumerate().for_each(|(index, output)| builder.output(&format!("output{index}"), output).unwrap());
    builder.build().ok()
}

#[test]
fn every_operator_has_valid_kernels_in_every_type() {
    let mut missing = Vec::new();
    for operator in OPERATORS {
        let mut built = 0;
        for data_type in DataType::ALL {
            // Types of indices, scales and results stand beside the first one's.
            for second in DataType::ALL {
                let Some(graph) = build(operator, data_type, second) else { continue };
                built += 1;
                for software in [false, true] {
                    match lower(&optimize(&graph), &Options { software, ..Options::default() }) {
                        Ok(plan) => validate(&plan),
                        Err(error) => missing.push(format!("{} of {data_type}, {second}: {error}", operator.name)),
                    }
                }
                let second_matters =
                    operator.parameters.iter().any(|parameter| matches!(parameter.name, "indices" | "data_type" | "zero_point"));
                if !second_matters {
                    break;
                }
            }
        }
        assert!(built > 0, "{} is refused in every type", operator.name);
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

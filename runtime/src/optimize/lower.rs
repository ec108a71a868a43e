//! Turns every node into a step: pointwise, linear, normalisation, attention, or the operator as it is.

use std::sync::Arc;

use super::draft::{Draft, Origin};
use super::function::function;
use super::view::{View, Views, broadcast, contiguous};
use super::{
    Expression, Instruction, Kernel, LayerNormalization, Linear, Operation, PackedConstant, Part, Pointwise, PointwiseInput, Step,
};
use super::{attention, dead, fold};
use crate::graph::{Argument, Call, DataType, Graph, Node, OperandDescriptor, Source, ValueId};

/// A draft that computes the graph node by node.
pub(super) fn lower(graph: &Graph) -> Draft {
    let mut draft = Draft::default();
    for value in graph.values() {
        draft.add_value(value.descriptor.clone(), origin(graph, value.descriptor.clone(), &value.source));
    }
    let attention::Found { attentions, absorbed, views } = attention::find(graph, &draft);
    for (index, node) in graph.nodes().iter().enumerate() {
        if let Some(attention) = &attentions[index] {
            draft.push(Step { kernel: Kernel::Attention(attention.clone()), outputs: node.outputs.clone(), label: node.label.clone() });
        } else if !absorbed[index] {
            lower_node(graph, &views, node, &mut draft);
        }
    }
    for (_, value) in graph.outputs() {
        let own = *draft.origin(*value) == Origin::Step && !draft.outputs.contains(&draft.root(*value));
        let output = if own { *value } else { copy(&mut draft, *value) };
        draft.outputs.push(draft.root(output));
        draft.output_values.push(output);
    }
    dead::remove(&mut draft);
    draft
}

fn origin(graph: &Graph, descriptor: OperandDescriptor, source: &Source) -> Origin {
    match source {
        Source::Input(name) => Origin::Input(graph.inputs().iter().position(|(known, _)| known == name).unwrap_or_default()),
        Source::Weight(name) => Origin::Constant(PackedConstant::single(Part::Weight { name: name.clone(), descriptor })),
        Source::Constant(bytes) => {
            let number = fold::scalar(&descriptor, bytes);
            let constant = PackedConstant::single(Part::Bytes { bytes: Arc::clone(bytes), descriptor });
            number.map_or(Origin::Constant(constant.clone()), |number| Origin::Scalar(number, constant))
        }
        Source::Node(..) => Origin::Step,
    }
}

fn lower_node(graph: &Graph, views: &Views<'_>, node: &Node, draft: &mut Draft) {
    for output in &node.outputs {
        let seen = views.of(*output);
        if seen.value != *output {
            return node.outputs.iter().for_each(|output| lower_view(graph, views, node, *output, draft));
        }
    }
    let step = |kernel| Step { kernel, outputs: node.outputs.clone(), label: node.label.clone() };
    let call = graph.call(node);
    // Elements of half a byte are the kernel's own affair.
    let packed = node.operands().chain(node.outputs.iter().copied()).any(|value| graph.descriptor(value).data_type.bits() < 8);
    if let Some(operation) = function(&call).filter(|_| !packed) {
        return lower_pointwise(graph, views, node, operation, draft);
    }
    let kernel = match node.operator.name {
        "matmul" => matmul(graph, views, node),
        "gemm" => gemm(graph, views, node),
        "layer_normalization" => layer_normalization(graph, node),
        _ => None,
    };
    draft.push(step(kernel.unwrap_or_else(|| Kernel::Operator { operator: node.operator, arguments: node.arguments.clone() })));
}

/// A reshape of what it views where it is packed and whole, else a copy of it.
fn lower_view(graph: &Graph, views: &Views<'_>, node: &Node, output: ValueId, draft: &mut Draft) {
    let seen = views.of(output);
    let descriptor = graph.descriptor(output);
    let whole = graph.descriptor(seen.value).element_count() == descriptor.element_count();
    if whole && seen.offset == 0 && seen.strides == contiguous(&descriptor.shape) {
        return draft.alias(output, seen.value);
    }
    let mut expression = Expression::input(descriptor.data_type);
    let mut inputs = vec![PointwiseInput { value: seen.value, offset: seen.offset, strides: seen.strides }];
    if let Some(number) = draft.scalar(seen.value) {
        expression.instructions[0].operation = Operation::Constant(number);
        inputs.clear();
    }
    let kernel = Kernel::Pointwise(Pointwise { shape: descriptor.shape.clone(), inputs, expression });
    draft.push(Step { kernel, outputs: vec![output], label: node.label.clone() });
}

fn lower_pointwise(graph: &Graph, views: &Views<'_>, node: &Node, operation: Operation, draft: &mut Draft) {
    let descriptor = graph.descriptor(node.outputs[0]);
    let mut inputs: Vec<PointwiseInput> = Vec::new();
    let mut expression = Expression { instructions: Vec::new() };
    let registers: Vec<usize> = node
        .operands()
        .map(|operand| {
            let from = graph.descriptor(operand);
            let View { value, offset, strides } = views.of(operand);
            let operation = draft.scalar(value).map_or_else(
                || {
                    let input = PointwiseInput { value, offset, strides: broadcast(&from.shape, &strides, &descriptor.shape) };
                    let index = inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
                        inputs.push(input);
                        inputs.len() - 1
                    });
                    Operation::Input(index)
                },
                Operation::Constant,
            );
            expression.push(Instruction { operation, data_type: from.data_type })
        })
        .collect();
    let operation = operation.map(|operand| registers[operand]);
    expression.instructions.push(Instruction { operation, data_type: descriptor.data_type });
    let expression = fold::fold(&expression);
    let output = node.outputs[0];
    if let [Instruction { operation: Operation::Constant(number), data_type }] = expression.instructions[..]
        && descriptor.element_count() == 1
    {
        let part = Part::Bytes { bytes: bytes(data_type, number), descriptor: descriptor.clone() };
        draft.values[output.0 as usize].origin = Origin::Scalar(number, PackedConstant::single(part));
        return;
    }
    let kernel = Kernel::Pointwise(Pointwise { shape: descriptor.shape.clone(), inputs, expression });
    draft.push(Step { kernel, outputs: vec![output], label: node.label.clone() });
}

/// A number that `fold` made, as the bytes of its type.
fn bytes(data_type: DataType, number: f64) -> Arc<[u8]> {
    match data_type {
        DataType::Float32 => (number as f32).to_le_bytes().as_slice().into(),
        DataType::Int32 => (number as i32).to_le_bytes().as_slice().into(),
        DataType::Uint32 => (number as u32).to_le_bytes().as_slice().into(),
        DataType::Int64 => (number as i64).to_le_bytes().as_slice().into(),
        DataType::Uint64 => (number as u64).to_le_bytes().as_slice().into(),
        DataType::Int8 => (number as i8).to_le_bytes().as_slice().into(),
        DataType::Uint8 => (number as u8).to_le_bytes().as_slice().into(),
        DataType::Float16 | DataType::Int4 | DataType::Uint4 => unreachable!("`fold` rounds to no such type"),
    }
}

/// A product whose right side is one matrix.
fn matmul(graph: &Graph, views: &Views<'_>, node: &Node) -> Option<Kernel> {
    let mut operands = node.operands();
    let (input, right) = (operands.next()?, operands.next()?);
    let (left_shape, right_shape) = (&graph.descriptor(input).shape, &graph.descriptor(right).shape);
    let (batch, matrix) = right_shape.split_at(right_shape.len() - 2);
    if batch.iter().any(|size| *size != 1) {
        return None;
    }
    let (inner, columns) = (matrix[0], matrix[1]);
    let rows = left_shape[..left_shape.len() - 1].iter().product();
    let (weight, transposed) = weight(graph, views, right, inner, columns);
    Some(Kernel::Linear(Linear { rows, inner, columns, input, weight, transposed, bias: None, activation: None, residual: None }))
}

/// The matrix as it is stored, and whether that is `[columns, inner]`.
fn weight(graph: &Graph, views: &Views<'_>, right: ValueId, inner: usize, columns: usize) -> (ValueId, bool) {
    let seen = views.of(right);
    let strides = &seen.strides[seen.strides.len() - 2..];
    let whole = seen.offset == 0 && graph.descriptor(seen.value).element_count() == inner * columns;
    let stored = contiguous(&[columns, inner]);
    if whole && *strides == [stored[1], stored[0]] {
        (seen.value, true)
    } else if whole && *strides == contiguous(&[inner, columns]) {
        (seen.value, false)
    } else {
        (right, false)
    }
}

/// `a · b + c` without factors, where `a` is not transposed.
fn gemm(graph: &Graph, views: &Views<'_>, node: &Node) -> Option<Kernel> {
    let call = graph.call(node);
    if call.float("alpha") != 1.0 || call.bool("a_transpose") {
        return None;
    }
    let [input, right] = [operand_of(&call, "a")?, operand_of(&call, "b")?];
    let output = graph.descriptor(node.outputs[0]);
    let (rows, columns, inner) = (output.shape[0], output.shape[1], graph.descriptor(input).shape[1]);
    let (weight, transposed) = if call.bool("b_transpose") {
        let (weight, transposed) = weight(graph, views, right, columns, inner);
        (weight, !transposed)
    } else {
        weight(graph, views, right, inner, columns)
    };
    let mut linear = Linear { rows, inner, columns, input, weight, transposed, bias: None, activation: None, residual: None };
    if let Some(c) = operand_of(&call, "c") {
        let shape = &graph.descriptor(c).shape;
        let is_row = shape.last() == Some(&columns) && shape.iter().product::<usize>() == columns;
        match () {
            () if call.float("beta") != 1.0 => return None,
            () if is_row => linear.bias = Some(c),
            () if *shape == output.shape => linear.residual = Some(c),
            () => return None,
        }
    }
    Some(Kernel::Linear(linear))
}

/// Over the last axis alone.
fn layer_normalization(graph: &Graph, node: &Node) -> Option<Kernel> {
    let call = graph.call(node);
    let shape = &call.operand("input").shape;
    let (columns, outer) = shape.split_last()?;
    if crate::ops::layer_normalization::axes(&call) != [outer.len()] {
        return None;
    }
    Some(Kernel::LayerNormalization(LayerNormalization {
        rows: outer.iter().product(),
        columns: *columns,
        input: operand_of(&call, "input")?,
        scale: operand_of(&call, "scale"),
        bias: operand_of(&call, "bias"),
        epsilon: call.float("epsilon"),
    }))
}

/// A value of its own, for an output that is an input, a constant, or another output.
fn copy(draft: &mut Draft, from: ValueId) -> ValueId {
    let descriptor = draft.descriptor(from).clone();
    let kernel = if descriptor.data_type.bits() < 8 {
        Kernel::Operator { operator: &crate::ops::unary::IDENTITY, arguments: vec![Argument::Operand(from)] }
    } else {
        Kernel::Pointwise(Pointwise {
            inputs: vec![PointwiseInput { value: from, offset: 0, strides: contiguous(&descriptor.shape) }],
            expression: Expression::input(descriptor.data_type),
            shape: descriptor.shape.clone(),
        })
    };
    let output = draft.add_value(descriptor, Origin::Step);
    draft.push(Step { kernel, outputs: vec![output], label: String::from("copy to an output") });
    output
}

/// The tensor that a parameter is given.
fn operand_of(call: &Call<'_>, name: &str) -> Option<ValueId> {
    call.argument(name).operands().first().copied()
}

//! Merges what follows a product into it: bias, activation, sum.

use super::draft::Draft;
use super::view::contiguous;
use super::{Binary, Expression, Instruction, Kernel, Linear, Operation, Pointwise, PointwiseInput, Step, fold};
use crate::order::order;

/// Merges sums with a row into the product before them. Before pointwise steps are merged, so that each sum stands alone.
pub(super) fn add_biases(draft: &mut Draft) {
    each(draft, |draft, pointwise, position, linear| {
        let [Operation::Input(_), Operation::Input(_), Operation::Binary(Binary::Add, ..)] = operations(&pointwise.expression)[..] else {
            return None;
        };
        let other = pointwise.inputs.get(1 - position).filter(|_| pointwise.inputs.len() == 2)?;
        let mut row = vec![0; pointwise.shape.len()];
        *row.last_mut()? = contiguous(&[linear.columns])[0];
        let is_row = pointwise.shape.last() == Some(&linear.columns)
            && other.offset == 0
            && other.strides == row
            && draft.descriptor(other.value).element_count() == linear.columns;
        (linear.bias.is_none() && linear.residual.is_none() && is_row).then(|| Linear { bias: Some(other.value), ..linear.clone() })
    });
}

/// Merges functions of the product, and the sum with a tensor of its shape, into it.
pub(super) fn fuse(draft: &mut Draft) {
    each(draft, |draft, pointwise, position, linear| {
        if linear.residual.is_some() || linear.activation.is_some() {
            return None;
        }
        match &pointwise.inputs[..] {
            [_] => Some(Linear { activation: Some(pointwise.expression.clone()), ..linear.clone() }),
            [_, _] => {
                let other = &pointwise.inputs[1 - position];
                let (residual, activation) = sum(&pointwise.expression, position)?;
                let alike = reads_all(draft, pointwise, other) && draft.descriptor(other.value).data_type == residual;
                alike.then(|| Linear { activation, residual: Some(other.value), ..linear.clone() })
            }
            _ => None,
        }
    });
}

/// Tries `merge` on every pointwise step that alone reads a product: the step, which of its inputs that is, the product.
fn each(draft: &mut Draft, merge: impl Fn(&Draft, &Pointwise, usize, &Linear) -> Option<Linear>) {
    for index in 0..draft.step_count() {
        let found = draft.step(index).and_then(|step| {
            let Kernel::Pointwise(pointwise) = &step.kernel else { return None };
            // The product made last comes first: its operands are all there.
            let makers: Vec<_> = pointwise
                .inputs
                .iter()
                .enumerate()
                .filter_map(|(position, input)| Some((draft.private_maker(input.value, index)?, position)))
                .collect();
            order(makers.len(), &|a, b| makers[a] > makers[b]).into_iter().find_map(|index| {
                let (maker, position) = makers[index];
                let made = draft.step(maker)?;
                let Kernel::Linear(linear) = &made.kernel else { return None };
                let input = &pointwise.inputs[position];
                let same_type = draft.descriptor(made.outputs[0]).data_type == pointwise.expression.data_type();
                if !same_type || !reads_all(draft, pointwise, input) {
                    return None;
                }
                let kernel = Kernel::Linear(merge(draft, pointwise, position, linear)?);
                Some((maker, Step { kernel, outputs: step.outputs.clone(), label: step.label.clone() }))
            })
        });
        if let Some((maker, step)) = found {
            draft.take(maker);
            draft.put(index, step);
        }
    }
}

/// True where an input is read element by element, and no other input reads the same tensor.
fn reads_all(draft: &Draft, pointwise: &Pointwise, input: &PointwiseInput) -> bool {
    let count = pointwise.shape.iter().product::<usize>();
    let alone = pointwise.inputs.iter().filter(|other| draft.root(other.value) == draft.root(input.value)).count() == 1;
    let whole = draft.descriptor(input.value).element_count() == count;
    alone && whole && input.offset == 0 && input.strides == contiguous(&pointwise.shape)
}

fn operations(expression: &Expression) -> Vec<&Operation> {
    expression.instructions.iter().map(|instruction| &instruction.operation).collect()
}

/// Splits `f(x) + y`, with `x` input `position` and `y` the other: the type of `y`, and `f` unless it is `x` itself.
fn sum(expression: &Expression, position: usize) -> Option<(crate::graph::DataType, Option<Expression>)> {
    let last = expression.instructions.last()?;
    let Operation::Binary(Binary::Add, a, b) = last.operation else { return None };
    let is_other = |register: usize| expression.instructions[register].operation == Operation::Input(1 - position);
    let (function, other) = match (is_other(a), is_other(b)) {
        (false, true) => (a, b),
        (true, false) => (b, a),
        _ => return None,
    };
    let mut part = fold::rooted(expression, function);
    if part.instructions.iter().any(|instruction| instruction.operation == Operation::Input(1 - position)) {
        return None;
    }
    for instruction in &mut part.instructions {
        if let Operation::Input(index) = &mut instruction.operation {
            *index = 0;
        }
    }
    let identity = matches!(part.instructions[..], [Instruction { operation: Operation::Input(_), .. }]);
    Some((expression.instructions[other].data_type, (!identity).then_some(part)))
}

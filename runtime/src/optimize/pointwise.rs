//! Merges element-wise steps into the one that alone reads them.

use super::draft::Draft;
use super::view::{contiguous, restride};
use super::{Instruction, Kernel, Operation, Pointwise, PointwiseInput, fold};

/// Tensors that one kernel may read: with its output, what every WebGPU device binds.
const MAX_INPUTS: usize = 6;
/// Instructions of one kernel, so that shaders stay small.
const MAX_INSTRUCTIONS: usize = 96;

/// Merges until nothing merges.
pub(super) fn fuse(draft: &mut Draft) {
    for reader in 0..draft.step_count() {
        while let Some((maker, merged)) = candidate(draft, reader) {
            draft.take(maker);
            let mut step = draft.take(reader).expect("the candidate's reader");
            step.kernel = Kernel::Pointwise(merged);
            draft.put(reader, step);
        }
    }
}

/// A step that can be merged into `reader`, and the result.
fn candidate(draft: &Draft, reader: usize) -> Option<(usize, Pointwise)> {
    let Kernel::Pointwise(outer) = &draft.step(reader)?.kernel else { return None };
    let merge = |input: &PointwiseInput| {
        let maker = draft.private_maker(input.value, reader)?;
        let Kernel::Pointwise(inner) = &draft.step(maker)?.kernel else { return None };
        Some((maker, inline(draft, outer, input, inner)?))
    };
    outer.inputs.iter().find_map(merge)
}

/// `outer` with the expression of `inner` in place of its input, where the input is read element by element.
fn inline(draft: &Draft, outer: &Pointwise, input: &PointwiseInput, inner: &Pointwise) -> Option<Pointwise> {
    let root = draft.root(input.value);
    // Read twice in two ways, it must stay a tensor.
    let single = outer.inputs.iter().filter(|other| draft.root(other.value) == root).count() == 1;
    let count: usize = outer.shape.iter().product();
    if !single || input.offset != 0 || input.strides != contiguous(&outer.shape) || inner.shape.iter().product::<usize>() != count {
        return None;
    }
    let position = outer.inputs.iter().position(|other| other == input)?;
    let mut merged =
        Pointwise { shape: outer.shape.clone(), inputs: outer.inputs.clone(), expression: super::Expression { instructions: vec![] } };
    merged.inputs.remove(position);
    let mut numbers = Vec::new();
    for input in &inner.inputs {
        let strides = restride(&inner.shape, &input.strides, &outer.shape)?;
        let input = PointwiseInput { strides, ..input.clone() };
        numbers.push(merged.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            merged.inputs.push(input);
            merged.inputs.len() - 1
        }));
    }
    let mut append = |instructions: &[Instruction], number: &dyn Fn(usize) -> Result<usize, usize>| {
        let mut registers: Vec<usize> = Vec::new();
        for instruction in instructions {
            let register = match instruction.operation {
                Operation::Input(index) => match number(index) {
                    Ok(index) => merged.expression.push(Instruction { operation: Operation::Input(index), ..*instruction }),
                    Err(register) => register,
                },
                _ => {
                    let operation = instruction.operation.map(|operand| registers[operand]);
                    merged.expression.push(Instruction { operation, ..*instruction })
                }
            };
            registers.push(register);
        }
        registers.last().copied()
    };
    let result = append(&inner.expression.instructions, &|index| Ok(numbers[index]))?;
    let renumber = |index: usize| if index == position { Err(result) } else { Ok(if index > position { index - 1 } else { index }) };
    let last = append(&outer.expression.instructions, &renumber)?;
    merged.expression = fold::rooted(&merged.expression, last);
    let small = merged.inputs.len() <= MAX_INPUTS && merged.expression.instructions.len() <= MAX_INSTRUCTIONS;
    small.then_some(merged)
}

//! Arithmetic of constants, done once here instead of for every element.

use super::{Binary, Expression, Instruction, Operation, Unary};
use crate::graph::{DataType, OperandDescriptor};

/// Replaces instructions whose operands are all constant by their result, and drops what is not read any more.
pub(super) fn fold(expression: &Expression) -> Expression {
    let mut folded = Expression { instructions: Vec::new() };
    let mut registers = Vec::new();
    for instruction in &expression.instructions {
        let mut instruction = Instruction { operation: instruction.operation.map(|old| registers[old]), data_type: instruction.data_type };
        if let Some(number) = evaluate(&instruction, &folded) {
            instruction.operation = Operation::Constant(number);
        }
        registers.push(folded.push(instruction));
    }
    rooted(&folded, *registers.last().expect("an expression has an instruction"))
}

/// The instructions that `result` needs, in their order.
pub(super) fn rooted(expression: &Expression, result: usize) -> Expression {
    let mut needed = vec![false; expression.instructions.len()];
    needed[result] = true;
    for register in (0..=result).rev() {
        if needed[register] {
            expression.instructions[register].operation.operands().into_iter().for_each(|operand| needed[operand] = true);
        }
    }
    let mut registers = vec![0; needed.len()];
    let mut instructions = Vec::new();
    for (old, instruction) in expression.instructions.iter().enumerate().filter(|(old, _)| needed[*old]) {
        registers[old] = instructions.len();
        instructions
            .push(Instruction { operation: instruction.operation.map(|operand| registers[operand]), data_type: instruction.data_type });
    }
    Expression { instructions }
}

/// The result in float32 or an integer type, rounded as the kernels round it; nothing where an operand is not constant.
fn evaluate(instruction: &Instruction, expression: &Expression) -> Option<f64> {
    let constant = |register: usize| match expression.instructions[register] {
        Instruction { operation: Operation::Constant(number), .. } => Some(number),
        _ => None,
    };
    let float = instruction.data_type == DataType::Float32;
    let number = match instruction.operation {
        Operation::Binary(function, a, b) => {
            let (a, b) = (constant(a)?, constant(b)?);
            match function {
                Binary::Add => a + b,
                Binary::Sub => a - b,
                Binary::Mul => a * b,
                Binary::Div if float => a / b,
                Binary::Max if float => a.max(b),
                Binary::Min if float => a.min(b),
                _ => return None,
            }
        }
        Operation::Unary(Unary::Neg, a) => -constant(a)?,
        Operation::Unary(Unary::Sqrt, a) if float => constant(a)?.sqrt(),
        Operation::Unary(Unary::Reciprocal, a) if float => 1.0 / constant(a)?,
        Operation::Cast(a) => constant(a)?.trunc_unless(instruction.data_type.is_float()),
        _ => return None,
    };
    // Of two float32, these five are the same when computed in float64 and rounded once.
    round(instruction.data_type, number)
}

trait TruncUnless {
    fn trunc_unless(self, keep: bool) -> Self;
}

impl TruncUnless for f64 {
    fn trunc_unless(self, keep: bool) -> f64 {
        if keep { self } else { self.trunc() }
    }
}

/// The number in a type, if the type holds it (floats: rounded).
fn round(data_type: DataType, number: f64) -> Option<f64> {
    let within = |low: f64, high: f64| (number == number.trunc() && (low..=high).contains(&number)).then_some(number);
    match data_type {
        DataType::Float32 => Some(f64::from(number as f32)),
        DataType::Int32 => within(f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::Uint32 => within(0.0, f64::from(u32::MAX)),
        DataType::Int64 => within(-9007199254740992.0, 9007199254740992.0),
        DataType::Uint64 => within(0.0, 9007199254740992.0),
        DataType::Int8 => within(-128.0, 127.0),
        DataType::Uint8 => within(0.0, 255.0),
        DataType::Float16 | DataType::Int4 | DataType::Uint4 => None,
    }
}

/// The number in a constant of one element, if float64 holds it exactly and not 4-bit.
pub(super) fn scalar(descriptor: &OperandDescriptor, bytes: &[u8]) -> Option<f64> {
    if descriptor.element_count() != 1 {
        return None;
    }
    let exact = |number: i128| (number.unsigned_abs() <= 1 << 53).then_some(number as f64);
    Some(match descriptor.data_type {
        DataType::Float32 => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Float16 => half_to_f64(u16::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Int32 => f64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Uint32 => f64::from(u32::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Int64 => exact(i64::from_le_bytes(bytes.try_into().ok()?).into())?,
        DataType::Uint64 => exact(u64::from_le_bytes(bytes.try_into().ok()?).into())?,
        DataType::Int8 => f64::from(i8::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Uint8 => f64::from(u8::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Int4 | DataType::Uint4 => return None,
    })
}

/// float16 by its bits; the crate `half` is not there in builds without features.
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        for (bits, number) in [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2f64.powi(-24)), (0xfc00, f64::NEG_INFINITY)] {
            assert_eq!(half_to_f64(bits), number);
        }
        assert!(half_to_f64(0x7e00).is_nan());
    }

    #[test]
    fn folds_constants_and_keeps_the_rest() {
        let float = |operation| Instruction { operation, data_type: DataType::Float32 };
        let expression = Expression {
            instructions: vec![
                float(Operation::Constant(2.0)),
                float(Operation::Constant(f64::from(0.1f32))),
                float(Operation::Binary(Binary::Div, 1, 0)),
                float(Operation::Input(0)),
                float(Operation::Binary(Binary::Mul, 3, 2)),
            ],
        };
        assert_eq!(fold(&expression).to_string(), format!("mul(x0, {})", f64::from(0.1f32 / 2.0)));
        let overflow = Expression {
            instructions: vec![
                Instruction { operation: Operation::Constant(255.0), data_type: DataType::Uint8 },
                Instruction { operation: Operation::Binary(Binary::Add, 0, 0), data_type: DataType::Uint8 },
            ],
        };
        assert_eq!(fold(&overflow), overflow, "integers that wrap are left to the kernel");
    }
}

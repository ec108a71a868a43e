//! Evaluates an expression block by block: each instruction is one loop over a few hundred elements.

use std::cell::RefCell;

use super::math;
use super::number::{Number, convert, erf, for_float, for_type};
use crate::graph::DataType;
use crate::optimize::{Binary, Compare, Expression, Instruction, Operation, Unary};

/// Elements of a block.
pub(super) const BLOCK: usize = 256;

/// An expression ready to evaluate. Every register has room for a block of the widest type.
#[derive(Debug)]
pub(super) struct Tape {
    instructions: Vec<Instruction>,
}

thread_local! {
    static REGISTERS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Room of one register, in words.
const REGISTER: usize = BLOCK;

impl Tape {
    pub(super) fn new(expression: &Expression) -> Self {
        Self { instructions: expression.instructions.clone() }
    }

    /// Evaluates the expression, whose only input is `values`, in place.
    pub(super) fn apply(&self, values: &mut [f32]) {
        if let [Instruction { operation: Operation::Input(_), .. }, Instruction { operation: Operation::Unary(function, 0), .. }] =
            self.instructions[..]
        {
            return unary_float32(function, values);
        }
        values.chunks_mut(BLOCK).for_each(|block| self.apply_block(block));
    }

    /// As [`Self::apply`], of float16.
    pub(super) fn apply_halves(&self, values: &mut [half::f16]) {
        values.chunks_mut(BLOCK).for_each(|block| self.apply_block(block));
    }

    fn apply_block<T: Number>(&self, block: &mut [T]) {
        let mut result = [T::from_f64(0.0); BLOCK];
        let result = &mut result[..block.len()];
        self.evaluate(block.len(), &Whole(bytemuck::cast_slice(block)), bytemuck::cast_slice_mut(result));
        block.copy_from_slice(result);
    }

    /// Evaluates `length` elements of each input; the result is packed.
    pub(super) fn evaluate(&self, length: usize, inputs: &impl Inputs, result: &mut [u8]) {
        REGISTERS.with_borrow_mut(|registers| {
            let needed = self.instructions.len() * REGISTER;
            if registers.len() < needed {
                registers.resize(needed, 0);
            }
            let last = self.instructions.len() - 1;
            for (index, instruction) in self.instructions.iter().enumerate() {
                let (before, rest) = registers.split_at_mut(index * REGISTER);
                let target: &mut [u8] = bytemuck::cast_slice_mut(&mut rest[..REGISTER]);
                let target = if index == last { &mut *result } else { &mut target[..length * (instruction.data_type.bits() / 8)] };
                match instruction.operation {
                    Operation::Input(input) if index == last || inputs.lying(input).is_none() => inputs.load(input, target),
                    Operation::Input(_) => {}
                    _ => self.step(instruction, &Registers { tape: self, registers: before, length, inputs }, target),
                }
            }
        });
    }

    fn step<I: Inputs>(&self, instruction: &Instruction, before: &Registers<'_, I>, target: &mut [u8]) {
        let operand_type = |register: usize| self.instructions[register].data_type;
        match instruction.operation {
            Operation::Input(_) => {}
            Operation::Constant(number) => for_type!(instruction.data_type, T => {
                cast_mut::<T>(target).fill(T::from_f64(number))
            }),
            Operation::Unary(function, a) => match (operand_type(a), instruction.data_type) {
                (DataType::Float32, DataType::Float32) => {
                    cast_mut::<f32>(target).copy_from_slice(before.read(a));
                    unary_float32(function, cast_mut(target));
                }
                (from, DataType::Uint8) if from.is_float() => for_float!(from, T => {
                    let test = |x: &T| u8::from(if function == Unary::IsNan { x.to_f64().is_nan() } else { x.to_f64().is_infinite() });
                    each(target, before.read::<T>(a), test)
                }),
                (from, _) => for_type!(from, T => each::<T, T>(target, before.read(a), |x| unary(function, *x))),
            },
            Operation::Binary(function, a, b) => for_type!(instruction.data_type, T => {
                binary::<T>(function, cast_mut(target), before.read(a), before.read(b))
            }),
            Operation::Compare(function, a, b) => for_type!(operand_type(a), T => {
                compare::<T>(function, target, before.read(a), before.read(b))
            }),
            Operation::Select(condition, a, b) => for_type!(instruction.data_type, T => {
                let values = before.read::<T>(a).iter().zip(before.read::<T>(b));
                let chosen = before.read::<u8>(condition).iter().zip(values);
                let target = cast_mut::<T>(target).iter_mut().zip(chosen);
                math::dispatch(
                    #[inline(always)]
                    || target.for_each(|(target, (condition, (a, b)))| *target = if *condition != 0 { *a } else { *b }),
                );
            }),
            Operation::Cast(a) => for_type!(operand_type(a), T => for_type!(instruction.data_type, U => {
                each::<T, U>(target, before.read(a), |x| convert(*x))
            })),
        }
    }
}

fn cast_mut<T: Number>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::cast_slice_mut(bytes)
}

/// Where a block's elements come from.
pub(super) trait Inputs {
    /// Those of an input, where they lie side by side in its tensor: then nothing is copied.
    fn lying(&self, input: usize) -> Option<&[u8]>;

    /// Fills a register, packed.
    fn load(&self, input: usize, register: &mut [u8]);
}

/// One input that is there.
struct Whole<'a>(&'a [u8]);

impl Inputs for Whole<'_> {
    fn lying(&self, _: usize) -> Option<&[u8]> {
        Some(self.0)
    }

    fn load(&self, _: usize, register: &mut [u8]) {
        register.copy_from_slice(self.0);
    }
}

/// What the instructions before one have made.
struct Registers<'a, I> {
    tape: &'a Tape,
    registers: &'a [u64],
    length: usize,
    inputs: &'a I,
}

impl<I: Inputs> Registers<'_, I> {
    fn read<T: Number>(&self, register: usize) -> &[T] {
        if let Operation::Input(input) = self.tape.instructions[register].operation
            && let Some(bytes) = self.inputs.lying(input)
        {
            return bytemuck::cast_slice(bytes);
        }
        &bytemuck::cast_slice(&self.registers[register * REGISTER..][..REGISTER])[..self.length]
    }
}

fn each<T: Number, U: Number>(target: &mut [u8], values: &[T], function: impl Fn(&T) -> U) {
    cast_mut::<U>(target).iter_mut().zip(values).for_each(|(target, value)| *target = function(value));
}

fn unary_float32(function: Unary, values: &mut [f32]) {
    match function {
        Unary::Abs => math::map(values, f32::abs),
        Unary::Erf => math::map(values, math::erf),
        Unary::Exp => math::map(values, math::exp),
        Unary::Neg => math::map(values, |x| -x),
        Unary::Reciprocal => math::map(values, |x| 1.0 / x),
        Unary::Sqrt => math::map(values, f32::sqrt),
        Unary::Tanh => math::map(values, math::tanh),
        Unary::Relu => math::map(values, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 }),
        Unary::Sigmoid => math::map(values, math::sigmoid),
        Unary::Gelu => math::map(values, math::gelu),
        Unary::Affine { alpha, beta } => {
            let (alpha, beta) = (alpha as f32, beta as f32);
            math::map(values, |x| alpha * x + beta);
        }
        _ => values.iter_mut().for_each(|value| *value = unary(function, *value)),
    }
}

/// A function of one number of any type, floats in float64.
fn unary<T: Number>(function: Unary, x: T) -> T {
    let zero = T::from_f64(0.0);
    let f = x.to_f64();
    let result = match function {
        Unary::Abs => return x.abs(),
        Unary::Neg => return x.neg(),
        Unary::Sign => return x.sign(),
        Unary::Relu => return x.greater(zero),
        Unary::LogicalNot => f64::from(u8::from(x == zero)),
        Unary::Clamp { minimum, maximum } => return x.greater(T::from_f64(minimum)).lesser(T::from_f64(maximum)),
        Unary::Ceil => f.ceil(),
        Unary::Cos => f.cos(),
        Unary::Erf => erf(f),
        Unary::Exp => f.exp(),
        Unary::Floor => f.floor(),
        Unary::Log => f.ln(),
        Unary::Reciprocal => 1.0 / f,
        Unary::RoundEven => f.round_ties_even(),
        Unary::Sin => f.sin(),
        Unary::Sqrt => f.sqrt(),
        Unary::Tan => f.tan(),
        Unary::Tanh => f.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-f).exp()),
        Unary::Gelu => 0.5 * f * (1.0 + erf(f * std::f64::consts::FRAC_1_SQRT_2)),
        Unary::Softplus => f.max(0.0) + (-f.abs()).exp().ln_1p(),
        Unary::Softsign => f / (1.0 + f.abs()),
        Unary::HardSwish => f * (f + 3.0).clamp(0.0, 6.0) / 6.0,
        Unary::Elu { alpha } => {
            if f > 0.0 {
                f
            } else {
                alpha * f.exp_m1()
            }
        }
        Unary::LeakyRelu { alpha } => {
            if f >= 0.0 {
                f
            } else {
                alpha * f
            }
        }
        Unary::HardSigmoid { alpha, beta } => (alpha * f + beta).clamp(0.0, 1.0),
        Unary::Affine { alpha, beta } => alpha * f + beta,
        Unary::IsNan => f64::from(u8::from(f.is_nan())),
        Unary::IsInfinite => f64::from(u8::from(f.is_infinite())),
    };
    T::from_f64(result)
}

fn binary<T: Number>(function: Binary, target: &mut [T], a: &[T], b: &[T]) {
    let zero = T::from_f64(0.0);
    let truth = |flag: bool| T::from_f64(f64::from(u8::from(flag)));
    match function {
        Binary::Add => zip(target, a, b, T::add),
        Binary::Sub => zip(target, a, b, T::sub),
        Binary::Mul => zip(target, a, b, T::mul),
        Binary::Div => zip(target, a, b, T::div),
        Binary::Max => zip(target, a, b, T::greater),
        Binary::Min => zip(target, a, b, T::lesser),
        Binary::Pow => zip(target, a, b, T::pow),
        Binary::Prelu => zip(target, a, b, |x, slope| if x < zero { x.mul(slope) } else { x }),
        Binary::And => zip(target, a, b, |a, b| truth(a != zero && b != zero)),
        Binary::Or => zip(target, a, b, |a, b| truth(a != zero || b != zero)),
        Binary::Xor => zip(target, a, b, |a, b| truth((a != zero) != (b != zero))),
    }
}

fn zip<T: Number>(target: &mut [T], a: &[T], b: &[T], function: impl Fn(T, T) -> T) {
    target.iter_mut().zip(a.iter().zip(b)).for_each(|(target, (a, b))| *target = function(*a, *b));
}

fn compare<T: Number>(function: Compare, target: &mut [u8], a: &[T], b: &[T]) {
    let mut each =
        |holds: fn(&T, &T) -> bool| target.iter_mut().zip(a.iter().zip(b)).for_each(|(target, (a, b))| *target = u8::from(holds(a, b)));
    match function {
        Compare::Equal => each(T::eq),
        Compare::NotEqual => each(T::ne),
        Compare::Greater => each(T::gt),
        Compare::GreaterOrEqual => each(T::ge),
        Compare::Lesser => each(T::lt),
        Compare::LesserOrEqual => each(T::le),
    }
}

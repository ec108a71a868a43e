//! Element-wise formulas: a list of instructions, each over the results of those before it.

use std::fmt;

use crate::graph::DataType;

/// A formula of one element of each input. The last instruction is the result.
///
/// A register is the index of the instruction that makes it, so that a value used twice is computed once.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// At least one; operands stand before their users.
    pub instructions: Vec<Instruction>,
}

/// Index of an instruction: its result.
pub type Register = usize;

/// One operation and the type of its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// What is computed.
    pub operation: Operation,
    /// Type of the result.
    pub data_type: DataType,
}

/// What an instruction computes. Operands have the result's type unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// An element of input number …
    Input(usize),
    /// A number; exact in the result's type for integers, rounded once for floats. May be NaN or infinite.
    Constant(f64),
    /// A function of one number.
    Unary(Unary, Register),
    /// A function of two.
    Binary(Binary, Register, Register),
    /// A comparison of two operands of one type: 1 or 0 as uint8.
    Compare(Compare, Register, Register),
    /// The second where the first (uint8) is not 0, else the third.
    Select(Register, Register, Register),
    /// The operand, of any type, in the result's type; floats become integers by truncation.
    Cast(Register),
}

/// Functions of one number; WebNN's operators of these names. The formulas are for floats unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Unary {
    Abs,
    Ceil,
    Cos,
    Erf,
    Exp,
    Floor,
    Log,
    /// 1 where the operand (uint8) is 0, else 0.
    LogicalNot,
    /// `-x`, of integers too.
    Neg,
    Reciprocal,
    /// To the nearest integer, ties to even.
    RoundEven,
    /// -1, 0 or 1, of integers too.
    Sign,
    Sin,
    Sqrt,
    Tan,
    Tanh,
    /// `max(x, 0)`, of integers too.
    Relu,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `0.5 · x · (1 + erf(x / √2))`
    Gelu,
    /// `ln(1 + exp(x))`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `x · max(0, min(6, x + 3)) / 6`
    HardSwish,
    /// `max(0, x) + alpha · (exp(min(0, x)) - 1)`
    Elu {
        alpha: f64,
    },
    /// `x` where x ≥ 0, else `alpha · x`
    LeakyRelu {
        alpha: f64,
    },
    /// `max(0, min(1, alpha · x + beta))`
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    /// `alpha · x + beta`
    Affine {
        alpha: f64,
        beta: f64,
    },
    /// `min(max(x, minimum), maximum)`, of integers too; the bounds may be infinite.
    Clamp {
        minimum: f64,
        maximum: f64,
    },
    /// 1 where the operand (a float) is not a number, else 0; the result is uint8.
    IsNan,
    /// 1 where the operand (a float) is ±∞, else 0; the result is uint8.
    IsInfinite,
}

/// Functions of two numbers, of all types; integers wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    /// Integers round toward zero.
    Div,
    Max,
    Min,
    Pow,
    /// `x` where x ≥ 0, else `y · x`: WebNN's prelu.
    Prelu,
    /// Of uint8: not 0 counts as true; the result is 0 or 1.
    And,
    /// As [`Binary::And`].
    Or,
    /// As [`Binary::And`].
    Xor,
}

/// Comparisons; with NaN all are false but `NotEqual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compare {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Lesser,
    LesserOrEqual,
}

impl Unary {
    /// The numbers that select one function of a family, in the order of its fields.
    pub fn parameters(&self) -> Vec<f64> {
        match *self {
            Unary::Elu { alpha } | Unary::LeakyRelu { alpha } => vec![alpha],
            Unary::HardSigmoid { alpha, beta } | Unary::Affine { alpha, beta } => vec![alpha, beta],
            Unary::Clamp { minimum, maximum } => vec![minimum, maximum],
            _ => vec![],
        }
    }
}

impl Operation {
    /// The registers it reads.
    pub fn operands(&self) -> Vec<Register> {
        match *self {
            Operation::Input(_) | Operation::Constant(_) => vec![],
            Operation::Unary(_, a) | Operation::Cast(a) => vec![a],
            Operation::Binary(_, a, b) | Operation::Compare(_, a, b) => vec![a, b],
            Operation::Select(a, b, c) => vec![a, b, c],
        }
    }

    /// The same operation on other registers.
    pub(super) fn map(&self, map: impl Fn(Register) -> Register) -> Self {
        match *self {
            Operation::Input(_) | Operation::Constant(_) => self.clone(),
            Operation::Unary(function, a) => Operation::Unary(function, map(a)),
            Operation::Cast(a) => Operation::Cast(map(a)),
            Operation::Binary(function, a, b) => Operation::Binary(function, map(a), map(b)),
            Operation::Compare(function, a, b) => Operation::Compare(function, map(a), map(b)),
            Operation::Select(a, b, c) => Operation::Select(map(a), map(b), map(c)),
        }
    }
}

impl Expression {
    /// Input 0 as it is: a copy.
    pub(super) fn input(data_type: DataType) -> Self {
        Self { instructions: vec![Instruction { operation: Operation::Input(0), data_type }] }
    }

    /// Type of the result.
    pub fn data_type(&self) -> DataType {
        self.instructions.last().map_or(DataType::Float32, |last| last.data_type)
    }

    /// The register of an equal instruction, appended if there is none.
    pub(super) fn push(&mut self, instruction: Instruction) -> Register {
        let known = |other: &Instruction| match (&other.operation, &instruction.operation) {
            (Operation::Constant(a), Operation::Constant(b)) => a.to_bits() == b.to_bits() && other.data_type == instruction.data_type,
            _ => *other == instruction,
        };
        self.instructions.iter().position(known).unwrap_or_else(|| {
            self.instructions.push(instruction);
            self.instructions.len() - 1
        })
    }
}

/// As a formula: `mul(x0, sigmoid(x0))`; what is used twice is named first, as in `r1 = exp(x0); div(r1, add(r1, 1))`.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut uses = vec![0; self.instructions.len()];
        self.instructions.iter().flat_map(|instruction| instruction.operation.operands()).for_each(|register| uses[register] += 1);
        let mut texts: Vec<String> = Vec::new();
        for (register, instruction) in self.instructions.iter().enumerate() {
            let call = |name: String, rest: &[String]| {
                let operands = instruction.operation.operands();
                let operands: Vec<_> = operands.iter().map(|operand| texts[*operand].clone()).chain(rest.iter().cloned()).collect();
                format!("{name}({})", operands.join(", "))
            };
            let mut text = match &instruction.operation {
                Operation::Input(index) => format!("x{index}"),
                Operation::Constant(number) => format!("{number}"),
                Operation::Unary(function, _) => {
                    call(name(function), &function.parameters().iter().map(ToString::to_string).collect::<Vec<_>>())
                }
                Operation::Binary(function, ..) => call(name(function), &[]),
                Operation::Compare(function, ..) => call(name(function), &[]),
                Operation::Select(..) => call("select".into(), &[]),
                Operation::Cast(_) => call(instruction.data_type.to_string(), &[]),
            };
            if uses[register] > 1 && !matches!(instruction.operation, Operation::Input(_) | Operation::Constant(_)) {
                write!(f, "r{register} = {text}; ")?;
                text = format!("r{register}");
            }
            texts.push(text);
        }
        f.write_str(texts.last().map_or("", String::as_str))
    }
}

/// The variant's name in lower case.
fn name(function: &impl fmt::Debug) -> String {
    format!("{function:?}").split([' ', '{']).next().unwrap_or_default().to_ascii_lowercase()
}

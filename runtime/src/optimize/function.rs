//! Which operators are element-wise, and as what function.

use super::{Binary, Compare, Operation, Unary};
use crate::graph::Call;

/// What an element-wise operator computes of its operands (registers 0, 1, 2 in the order of its parameters); nothing for others.
pub(crate) fn function(call: &Call<'_>) -> Option<Operation> {
    let unary = |function| Some(Operation::Unary(function, 0));
    let binary = |function| Some(Operation::Binary(function, 0, 1));
    let compare = |function| Some(Operation::Compare(function, 0, 1));
    match call.operator.name {
        "abs" => unary(Unary::Abs),
        "ceil" => unary(Unary::Ceil),
        "cos" => unary(Unary::Cos),
        "erf" => unary(Unary::Erf),
        "exp" => unary(Unary::Exp),
        "floor" => unary(Unary::Floor),
        "log" => unary(Unary::Log),
        "logical_not" => unary(Unary::LogicalNot),
        "neg" => unary(Unary::Neg),
        "reciprocal" => unary(Unary::Reciprocal),
        "round_even" => unary(Unary::RoundEven),
        "sign" => unary(Unary::Sign),
        "sin" => unary(Unary::Sin),
        "sqrt" => unary(Unary::Sqrt),
        "tan" => unary(Unary::Tan),
        "tanh" => unary(Unary::Tanh),
        "relu" => unary(Unary::Relu),
        "sigmoid" => unary(Unary::Sigmoid),
        "gelu" => unary(Unary::Gelu),
        "softplus" => unary(Unary::Softplus),
        "softsign" => unary(Unary::Softsign),
        "hard_swish" => unary(Unary::HardSwish),
        "elu" => unary(Unary::Elu { alpha: call.float("alpha") }),
        "leaky_relu" => unary(Unary::LeakyRelu { alpha: call.float("alpha") }),
        "hard_sigmoid" => unary(Unary::HardSigmoid { alpha: call.float("alpha"), beta: call.float("beta") }),
        "linear" => unary(Unary::Affine { alpha: call.float("alpha"), beta: call.float("beta") }),
        "clamp" => {
            let (minimum, maximum) = crate::ops::clamp::bounds(call);
            unary(Unary::Clamp { minimum, maximum })
        }
        "is_nan" => unary(Unary::IsNan),
        "is_infinite" => unary(Unary::IsInfinite),
        "add" => binary(Binary::Add),
        "sub" => binary(Binary::Sub),
        "mul" => binary(Binary::Mul),
        "div" => binary(Binary::Div),
        "max" => binary(Binary::Max),
        "min" => binary(Binary::Min),
        "pow" => binary(Binary::Pow),
        "prelu" => binary(Binary::Prelu),
        "logical_and" => binary(Binary::And),
        "logical_or" => binary(Binary::Or),
        "logical_xor" => binary(Binary::Xor),
        "equal" => compare(Compare::Equal),
        "not_equal" => compare(Compare::NotEqual),
        "greater" => compare(Compare::Greater),
        "greater_or_equal" => compare(Compare::GreaterOrEqual),
        "lesser" => compare(Compare::Lesser),
        "lesser_or_equal" => compare(Compare::LesserOrEqual),
        "where_" => Some(Operation::Select(0, 1, 2)),
        "cast" => Some(Operation::Cast(0)),
        _ => None,
    }
}

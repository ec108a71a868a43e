//! The WebNN operators, one file per operator or family: options, rule, CPU kernel, doc.
//! A new one is a file and a line here.

use crate::graph::Operator;

macro_rules! operators {
    ($($module:ident: $($operator:ident)*;)*) => {
        $(pub mod $module;)*
        /// The options structs of all operators, for generated code.
        pub mod options {
            $(pub use super::$module::*;)*
        }

        /// Every operator.
        pub static OPERATORS: &[&Operator] = &[$($(&$module::$operator,)*)*];
    };
}

operators! {
    activation: ELU GELU HARD_SIGMOID HARD_SWISH LEAKY_RELU LINEAR RELU SIGMOID SOFTPLUS SOFTSIGN;
    binary: ADD SUB MUL DIV MAX MIN POW;
    cast: CAST;
    clamp: CLAMP;
    compare: EQUAL NOT_EQUAL GREATER GREATER_OR_EQUAL LESSER LESSER_OR_EQUAL;
    concat: CONCAT;
    cumulative_sum: CUMULATIVE_SUM;
    expand: EXPAND;
    gather: GATHER;
    gemm: GEMM;
    layer_normalization: LAYER_NORMALIZATION;
    logical: LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGICAL_XOR;
    matmul: MATMUL;
    pad: PAD;
    prelu: PRELU;
    reduce: REDUCE_L1 REDUCE_L2 REDUCE_LOG_SUM REDUCE_LOG_SUM_EXP REDUCE_MAX REDUCE_MEAN REDUCE_MIN REDUCE_PRODUCT REDUCE_SUM REDUCE_SUM_SQUARE;
    reshape: RESHAPE;
    slice: SLICE;
    softmax: SOFTMAX;
    split: SPLIT;
    test: IS_NAN IS_INFINITE;
    tile: TILE;
    transpose: TRANSPOSE;
    triangular: TRIANGULAR;
    unary: ABS CEIL COS ERF EXP FLOOR IDENTITY LOG NEG RECIPROCAL ROUND_EVEN SIGN SIN SQRT TAN TANH;
    where_: WHERE;
}

/// The operator with this snake_case name.
pub fn operator_by_name(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().copied().find(|operator| operator.name == name)
}

mod rule {
    //! What several rules share.

    use crate::graph::{DataType, OperandDescriptor};

    /// The shape that two shapes broadcast to, as WebNN and NumPy do: aligned at the last axis, 1 stretches.
    pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
        let rank = a.len().max(b.len());
        let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |index| shape[index]);
        (0..rank)
            .map(|axis| match (size(a, axis), size(b, axis)) {
                (a, b) if a == b => Ok(a),
                (1, b) => Ok(b),
                (a, 1) => Ok(a),
                _ => Err(format!("the shapes {a:?} and {b:?} do not broadcast")),
            })
            .collect()
    }

    /// Both operands have one type.
    pub(super) fn same_type(first: &OperandDescriptor, second: &OperandDescriptor, what: &str) -> Result<(), String> {
        if first.data_type == second.data_type {
            Ok(())
        } else {
            Err(format!("{what} must be {}, found {}", first.data_type, second.data_type))
        }
    }

    /// The operand's type is one of these.
    pub(super) fn one_of(operand: &OperandDescriptor, name: &str, types: &[DataType]) -> Result<(), String> {
        if types.contains(&operand.data_type) {
            return Ok(());
        }
        let names: Vec<_> = types.iter().map(|data_type| data_type.name()).collect();
        Err(format!("`{name}` must be {}, found {}", names.join(" or "), operand.data_type))
    }

    /// An axis of an operand of this rank.
    pub(super) fn below_rank(axis: usize, rank: usize) -> Result<(), String> {
        if axis < rank { Ok(()) } else { Err(format!("`axis` {axis} is not below the rank {rank}")) }
    }

    /// As many of something as the operand has axes.
    pub(super) fn one_per_axis(name: &str, values: &[usize], rank: usize) -> Result<(), String> {
        if values.len() == rank { Ok(()) } else { Err(format!("`{name}` must have one entry per axis, {rank}, found {}", values.len())) }
    }

    /// The types with negative numbers.
    pub(super) const SIGNED: &[DataType] = &[DataType::Float32, DataType::Float16, DataType::Int32, DataType::Int64, DataType::Int8];
    /// The types of sums: floats and integers of 32 and 64 bits.
    pub(super) const SUMMABLE: &[DataType] =
        &[DataType::Float32, DataType::Float16, DataType::Int32, DataType::Uint32, DataType::Int64, DataType::Uint64];
    /// The types that index.
    pub(super) const INDICES: &[DataType] = &[DataType::Int32, DataType::Uint32, DataType::Int64];
    /// float32 and float16.
    pub(super) const FLOATS: &[DataType] = &[DataType::Float32, DataType::Float16];
}

//! The WebNN operators, one file per operator or family: doc and options, rule, CPU kernel, WGSL.
//! A new one is a file and a line here. A program links the kernels of the operators that it names: nothing at run time asks for all of them.

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
    arg: ARG_MIN ARG_MAX;
    batch_normalization: BATCH_NORMALIZATION;
    binary: ADD SUB MUL DIV MAX MIN POW;
    cast: CAST;
    clamp: CLAMP;
    compare: EQUAL NOT_EQUAL GREATER GREATER_OR_EQUAL LESSER LESSER_OR_EQUAL;
    concat: CONCAT;
    conv2d: CONV2D;
    conv_transpose2d: CONV_TRANSPOSE2D;
    cumulative_sum: CUMULATIVE_SUM;
    expand: EXPAND;
    gather: GATHER;
    gather_elements: GATHER_ELEMENTS;
    gather_nd: GATHER_ND;
    gemm: GEMM;
    gru: GRU GRU_CELL;
    instance_normalization: INSTANCE_NORMALIZATION;
    layer_normalization: LAYER_NORMALIZATION;
    logical: LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGICAL_XOR;
    lstm: LSTM LSTM_CELL;
    matmul: MATMUL;
    pad: PAD;
    pool2d: AVERAGE_POOL2D L2_POOL2D MAX_POOL2D;
    prelu: PRELU;
    quantize: DEQUANTIZE_LINEAR QUANTIZE_LINEAR;
    reduce: REDUCE_L1 REDUCE_L2 REDUCE_LOG_SUM REDUCE_LOG_SUM_EXP REDUCE_MAX REDUCE_MEAN REDUCE_MIN REDUCE_PRODUCT REDUCE_SUM REDUCE_SUM_SQUARE;
    resample2d: RESAMPLE2D;
    reshape: RESHAPE;
    reverse: REVERSE;
    scatter_elements: SCATTER_ELEMENTS;
    scatter_nd: SCATTER_ND;
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

pub(crate) mod recurrent;
pub(crate) mod window;

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
        one_of_types(operand.data_type, name, types)
    }

    /// The type is one of these.
    pub(super) fn one_of_types(data_type: DataType, name: &str, types: &[DataType]) -> Result<(), String> {
        if types.contains(&data_type) {
            return Ok(());
        }
        let names: Vec<_> = types.iter().map(|data_type| data_type.name()).collect();
        Err(format!("`{name}` must be {}, found {data_type}", names.join(" or ")))
    }

    /// Axes of an operand of this rank, each at most once.
    pub(super) fn distinct_axes(axes: &[usize], rank: usize) -> Result<(), String> {
        for (index, &axis) in axes.iter().enumerate() {
            below_rank(axis, rank)?;
            if axes[..index].contains(&axis) {
                return Err(format!("axis {axis} is given twice"));
            }
        }
        Ok(())
    }

    /// A shape that may differ from another's in one axis alone.
    pub(super) fn same_but_axis(name: &str, shape: &[usize], expected: &[usize], axis: usize) -> Result<(), String> {
        let alike = shape.len() == expected.len() && (0..shape.len()).all(|other| other == axis || shape[other] == expected[other]);
        if alike { Ok(()) } else { Err(format!("`{name}` {shape:?} may differ from {expected:?} in axis {axis} alone")) }
    }

    /// The shape of the slices that coordinates pick: one per coordinate, along the last axis of `indices`.
    pub(super) fn sliced_by(input: &[usize], indices: &[usize]) -> Result<Vec<usize>, String> {
        let Some((&count, outer)) = indices.split_last() else { return Err(String::from("`indices` is a scalar")) };
        if input.is_empty() || count > input.len() {
            return Err(format!("{count} coordinates of an input {input:?} of rank {}", input.len()));
        }
        Ok([outer, &input[count..]].concat())
    }

    /// An axis of an operand of this rank.
    pub(super) fn below_rank(axis: usize, rank: usize) -> Result<(), String> {
        if axis < rank { Ok(()) } else { Err(format!("`axis` {axis} is not below the rank {rank}")) }
    }

    /// As many tensors as WebNN takes or gives at once.
    pub(super) fn tensor_count(name: &str, count: usize) -> Result<(), String> {
        if count <= 8192 { Ok(()) } else { Err(format!("`{name}` has {count} entries, at most 8192 are possible")) }
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

//! The WebNN operators, one file per operator or family: options, rule, CPU kernel, doc.
//! A new one is a file and a line here.

use crate::graph::Operator;

macro_rules! operators {
    ($($module:ident: $($operator:ident)*;)*) => {
        $(pub mod $module;)*
        /// Every operator.
        pub static OPERATORS: &[&Operator] = &[$($(&$module::$operator,)*)*];
    };
}

operators! {
    binary: ADD SUB MUL DIV MAX MIN POW;
    compare: EQUAL NOT_EQUAL GREATER GREATER_OR_EQUAL LESSER LESSER_OR_EQUAL;
    layer_normalization: LAYER_NORMALIZATION;
    matmul: MATMUL;
    reshape: RESHAPE;
    softmax: SOFTMAX;
    transpose: TRANSPOSE;
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

    /// float32 and float16.
    pub(super) const FLOATS: &[DataType] = &[DataType::Float32, DataType::Float16];
}

//! Arithmetic of config values, as the generated code does it.

use ipfs_accelerate_runtime::{DataType, GraphError};

use super::interpret::Value;
use crate::spec::expression::Binary;

/// Arithmetic of whole numbers; a quotient must be whole, a difference not negative.
pub(super) fn whole(operator: Binary, a: (&str, i64), b: (&str, i64)) -> Result<i64, GraphError> {
    let too_large =
        || GraphError::Rule { label: "config".into(), reason: format!("{} {} {} does not fit in 64 bits", a.1, operator.symbol(), b.1) };
    match operator {
        Binary::Add => a.1.checked_add(b.1).ok_or_else(too_large),
        Binary::Mul => a.1.checked_mul(b.1).ok_or_else(too_large),
        Binary::Sub if b.1 > a.1 => {
            let reason = format!("`{}` ({}) minus `{}` ({}) is negative", a.0, a.1, b.0, b.1);
            Err(GraphError::Rule { label: "config".into(), reason })
        }
        Binary::Sub => a.1.checked_sub(b.1).ok_or_else(too_large),
        _ if b.1 != 0 && a.1 % b.1 == 0 => Ok(a.1 / b.1),
        _ => Err(GraphError::NotWhole { dividend_name: a.0.to_owned(), dividend: a.1, divisor_name: b.0.to_owned(), divisor: b.1 }),
    }
}

/// Whole quotient, what is left over left out.
pub(super) fn floor(a: (&str, i64), b: (&str, i64)) -> Result<i64, GraphError> {
    a.1.checked_div_euclid(b.1).ok_or_else(|| GraphError::NotWhole {
        dividend_name: a.0.to_owned(),
        dividend: a.1,
        divisor_name: b.0.to_owned(),
        divisor: b.1,
    })
}

/// Arithmetic of numbers.
pub(super) fn float(operator: Binary, a: f64, b: f64) -> f64 {
    match operator {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        _ => a / b,
    }
}

/// Comparison of numbers, texts or truth values.
pub(super) fn compare(operator: Binary, a: &Value, b: &Value) -> bool {
    use std::cmp::Ordering;
    let order = match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a, _), Value::Text(b, _)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => number(a).zip(number(b)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match operator {
        Binary::Equal => order == Some(Ordering::Equal),
        Binary::NotEqual => order != Some(Ordering::Equal),
        Binary::Less => order == Some(Ordering::Less),
        Binary::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Binary::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// A size or axis.
pub(super) fn size(number: i64) -> Result<usize, GraphError> {
    usize::try_from(number)
        .map_err(|_| GraphError::Rule { label: "size".into(), reason: format!("{number} is no size or axis; they count from 0") })
}

/// The lowest finite number of a type.
pub fn lowest(data_type: DataType) -> f64 {
    match data_type {
        DataType::Float32 => f64::from(f32::MIN),
        DataType::Float16 => -65504.0,
        DataType::Int32 => f64::from(i32::MIN),
        DataType::Int64 => i64::MIN as f64,
        DataType::Int8 => f64::from(i8::MIN),
        DataType::Int4 => -8.0,
        DataType::Uint32 | DataType::Uint64 | DataType::Uint8 | DataType::Uint4 => 0.0,
    }
}

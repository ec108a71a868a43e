//! Arithmetic of the element types, as the operators define it: floats round once, integers wrap.

use half::f16;

use crate::graph::DataType;
use crate::tensor::Element;

/// An element that the reference kernels compute with.
pub trait Number: Element + PartialOrd + Copy {
    /// True for float32 and float16.
    const IS_FLOAT: bool;
    /// The nearest number; floats become integers by truncation, within the type's range.
    fn from_f64(number: f64) -> Self;
    /// The number; 64-bit integers round.
    fn to_f64(self) -> f64;
    /// The number where it is an integer type's.
    fn to_i128(self) -> Option<i128> {
        None
    }
    /// The low bits of an integer; floats round.
    fn from_i128(number: i128) -> Self {
        Self::from_f64(number as f64)
    }
    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient; integers round toward zero, and by 0 give 0.
    fn div(self, other: Self) -> Self;
    /// Power; integers to a negative power round toward zero.
    fn pow(self, other: Self) -> Self;
    /// True for no number.
    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }
    /// The greater; NaN if either is.
    fn greater(self, other: Self) -> Self {
        if self >= other || self.partial_cmp(&self).is_none() { self } else { other }
    }
    /// The lesser; NaN if either is.
    fn lesser(self, other: Self) -> Self {
        if self <= other || self.partial_cmp(&self).is_none() { self } else { other }
    }
    /// Negation.
    fn neg(self) -> Self {
        Self::from_f64(0.0).sub(self)
    }
    /// Absolute value.
    fn abs(self) -> Self {
        if self < Self::from_f64(0.0) { self.neg() } else { self }
    }
    /// -1, 0 or 1; NaN of NaN.
    fn sign(self) -> Self {
        let zero = Self::from_f64(0.0);
        match () {
            () if self > zero => Self::from_f64(1.0),
            () if self < zero => Self::from_f64(-1.0),
            () => self,
        }
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Number for $type {
            const IS_FLOAT: bool = false;
            fn from_f64(number: f64) -> Self { number as $type }
            fn to_f64(self) -> f64 { self as f64 }
            fn to_i128(self) -> Option<i128> { Some(self as i128) }
            fn from_i128(number: i128) -> Self { number as $type }
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            fn div(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_div(other) } }
            fn pow(self, other: Self) -> Self {
                match u32::try_from(other) {
                    Ok(exponent) => self.wrapping_pow(exponent),
                    Err(_) => (self as f64).powf(other as f64) as $type,
                }
            }
        }
    )*};
}

integers! { i8 u8 i32 u32 i64 u64 }

impl Number for f32 {
    const IS_FLOAT: bool = true;
    fn from_f64(number: f64) -> Self {
        number as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn add(self, other: Self) -> Self {
        self + other
    }
    fn sub(self, other: Self) -> Self {
        self - other
    }
    fn mul(self, other: Self) -> Self {
        self * other
    }
    fn div(self, other: Self) -> Self {
        self / other
    }
    fn pow(self, other: Self) -> Self {
        self.powf(other)
    }
    fn neg(self) -> Self {
        -self
    }
    fn abs(self) -> Self {
        self.abs()
    }
}

impl Number for f16 {
    const IS_FLOAT: bool = true;
    fn from_f64(number: f64) -> Self {
        f16::from_f64(number)
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn add(self, other: Self) -> Self {
        f16::from_f64(self.to_f64() + other.to_f64())
    }
    fn sub(self, other: Self) -> Self {
        f16::from_f64(self.to_f64() - other.to_f64())
    }
    fn mul(self, other: Self) -> Self {
        f16::from_f64(self.to_f64() * other.to_f64())
    }
    fn div(self, other: Self) -> Self {
        f16::from_f64(self.to_f64() / other.to_f64())
    }
    fn pow(self, other: Self) -> Self {
        f16::from_f64(self.to_f64().powf(other.to_f64()))
    }
    fn neg(self) -> Self {
        f16::from_bits(self.to_bits() ^ 0x8000)
    }
    fn abs(self) -> Self {
        f16::from_bits(self.to_bits() & 0x7fff)
    }
}

/// A number within the range of a 4-bit type; of other types as it is.
pub(crate) fn within_four_bits(data_type: DataType, number: f64) -> f64 {
    match data_type {
        DataType::Int4 => number.clamp(-8.0, 7.0),
        DataType::Uint4 => number.clamp(0.0, 15.0),
        _ => number,
    }
}

/// An element in another type. Integers keep their low bits; floats truncate and stop at the type's range.
pub fn convert<T: Number, U: Number>(number: T) -> U {
    match (T::IS_FLOAT || U::IS_FLOAT, number.to_i128()) {
        (false, Some(integer)) => U::from_i128(integer),
        _ => U::from_f64(number.to_f64()),
    }
}

/// Runs a body with `$type` as the Rust type of a data type; kernels see 4-bit types unpacked, a byte an element.
macro_rules! for_type {
    ($data_type:expr, $type:ident => $body:expr) => {
        match $data_type {
            $crate::graph::DataType::Float32 => {
                type $type = f32;
                $body
            }
            $crate::graph::DataType::Float16 => {
                type $type = half::f16;
                $body
            }
            $crate::graph::DataType::Int32 => {
                type $type = i32;
                $body
            }
            $crate::graph::DataType::Uint32 => {
                type $type = u32;
                $body
            }
            $crate::graph::DataType::Int64 => {
                type $type = i64;
                $body
            }
            $crate::graph::DataType::Uint64 => {
                type $type = u64;
                $body
            }
            $crate::graph::DataType::Int8 | $crate::graph::DataType::Int4 => {
                type $type = i8;
                $body
            }
            $crate::graph::DataType::Uint8 | $crate::graph::DataType::Uint4 => {
                type $type = u8;
                $body
            }
        }
    };
}
pub(crate) use for_type;

/// As [`for_type`], of float32 and float16 alone: for operators whose rule takes no other.
macro_rules! for_float {
    ($data_type:expr, $type:ident => $body:expr) => {
        match $data_type {
            $crate::graph::DataType::Float16 => {
                type $type = half::f16;
                $body
            }
            _ => {
                type $type = f32;
                $body
            }
        }
    };
}
pub(crate) use for_float;

/// The error function in float64: the series of Kummer, all of whose terms are positive.
pub fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_at_known_points() {
        for (x, expected) in
            [(0.0, 0.0), (0.5, 0.5204998778130465), (1.0, 0.8427007929497149), (-2.0, -0.9953222650189527), (3.5, 0.9999992569016276)]
        {
            assert!((erf(x) - expected).abs() < 1e-15, "erf({x}) = {}", erf(x));
        }
        assert_eq!(erf(f64::INFINITY), 1.0);
        assert!(erf(f64::NAN).is_nan());
    }

    #[test]
    fn integers_wrap_and_never_panic() {
        assert_eq!(i8::MIN.neg(), i8::MIN);
        assert_eq!(Number::div(i32::MIN, -1), i32::MIN);
        assert_eq!(Number::div(5u8, 0), 0);
        assert_eq!(Number::pow(2i32, -1), 0);
        assert_eq!(Number::pow(-1i64, -3), -1);
        assert!(f32::NAN.greater(1.0).is_nan() && 1f32.lesser(f32::NAN).is_nan());
    }
}

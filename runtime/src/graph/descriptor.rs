//! What a tensor is: its data type and shape. Says nothing of where the bytes are.

use std::fmt;

use crate::error::GraphError;

/// The data types of WebNN's `MLOperandDataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DataType {
    Float32,
    Float16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Int8,
    Uint8,
    Int4,
    Uint4,
}

impl DataType {
    /// Every data type, in WebNN's order.
    pub const ALL: [DataType; 10] = [
        DataType::Float32,
        DataType::Float16,
        DataType::Int32,
        DataType::Uint32,
        DataType::Int64,
        DataType::Uint64,
        DataType::Int8,
        DataType::Uint8,
        DataType::Int4,
        DataType::Uint4,
    ];

    /// WebNN's spelling: `float32`, `int4`, …
    pub const fn name(self) -> &'static str {
        match self {
            DataType::Float32 => "float32",
            DataType::Float16 => "float16",
            DataType::Int32 => "int32",
            DataType::Uint32 => "uint32",
            DataType::Int64 => "int64",
            DataType::Uint64 => "uint64",
            DataType::Int8 => "int8",
            DataType::Uint8 => "uint8",
            DataType::Int4 => "int4",
            DataType::Uint4 => "uint4",
        }
    }

    /// The type with this name, if there is one.
    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|data_type| data_type.name() == name)
    }

    /// Bits of one element.
    pub const fn bits(self) -> usize {
        match self {
            DataType::Int64 | DataType::Uint64 => 64,
            DataType::Float32 | DataType::Int32 | DataType::Uint32 => 32,
            DataType::Float16 => 16,
            DataType::Int8 | DataType::Uint8 => 8,
            DataType::Int4 | DataType::Uint4 => 4,
        }
    }

    /// True for float32 and float16.
    pub const fn is_float(self) -> bool {
        matches!(self, DataType::Float32 | DataType::Float16)
    }

    /// From the least to the greatest of a type of whole numbers.
    pub(crate) const fn integers(self) -> Option<std::ops::RangeInclusive<i128>> {
        let half = 1 << (self.bits() - 1);
        match self {
            DataType::Float32 | DataType::Float16 => None,
            DataType::Int64 | DataType::Int32 | DataType::Int8 | DataType::Int4 => Some(-half..=half - 1),
            DataType::Uint64 | DataType::Uint32 | DataType::Uint8 | DataType::Uint4 => Some(0..=2 * half - 1),
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Data type and shape of a tensor; WebNN's `MLOperandDescriptor`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "MLOperandDescriptor")]
pub struct OperandDescriptor {
    /// Type of every element.
    pub data_type: DataType,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
}

impl OperandDescriptor {
    /// Largest size of a tensor that a descriptor may describe: 2³¹ − 1 elements and as many bytes as `usize` holds.
    pub const MAX_ELEMENTS: usize = i32::MAX as usize;

    /// A descriptor whose element count is known not to overflow.
    ///
    /// **Errors** [`GraphError::TooLarge`] where the shape holds more than [`Self::MAX_ELEMENTS`].
    pub fn new(data_type: DataType, shape: impl Into<Vec<usize>>) -> Result<Self, GraphError> {
        let shape = shape.into();
        let elements = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        match elements {
            Some(count) if count <= Self::MAX_ELEMENTS => Ok(Self { data_type, shape }),
            _ => Err(GraphError::TooLarge { shape }),
        }
    }

    /// Largest rank of a graph's tensor.
    pub const MAX_RANK: usize = 8;

    /// Holds it against WebNN's rules of a graph's tensors: every size at least 1, a rank of at most [`Self::MAX_RANK`].
    /// What a tensor outside of graphs may be is no affair of theirs.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(axis) = self.shape.iter().position(|size| *size == 0) {
            return Err(format!("{self}: the size of axis {axis} is 0; a graph's tensors have at least one element"));
        }
        if self.rank() > Self::MAX_RANK {
            return Err(format!("{self}: the rank {} is above {}", self.rank(), Self::MAX_RANK));
        }
        Self::new(self.data_type, &self.shape[..]).map(drop).map_err(|error| error.to_string())
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements; 1 for a scalar.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of the packed tensor; 4-bit types are two to a byte.
    pub fn byte_length(&self) -> usize {
        (self.element_count() * self.data_type.bits()).div_ceil(8)
    }
}

impl fmt::Display for OperandDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.data_type, self.shape)
    }
}

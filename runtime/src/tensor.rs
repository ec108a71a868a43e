//! A tensor in host memory: type, shape and bytes, cheap to clone.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{GraphError, Result};
use crate::graph::{DataType, OperandDescriptor};

/// Memory that tensors may share: a memory map, a buffer of another crate.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Words of the owned storage; their alignment serves every [`Element`].
type Word = u128;

/// A Rust type that is the element of a tensor.
pub trait Element: bytemuck::Pod + fmt::Debug + PartialEq + Send + Sync {
    /// WebNN's name for it.
    const DATA_TYPE: DataType;
}

macro_rules! element {
    ($($(#[$attribute:meta])* $type:ty => $data_type:ident;)*) => {$(
        $(#[$attribute])*
        impl Element for $type {
            const DATA_TYPE: DataType = DataType::$data_type;
        }
    )*};
}

element! {
    f32 => Float32;
    #[cfg(feature = "session")] half::f16 => Float16;
    i32 => Int32;
    u32 => Uint32;
    i64 => Int64;
    u64 => Uint64;
    i8 => Int8;
    u8 => Uint8;
}

/// A tensor in host memory. Clones share their bytes until one is written to.
#[derive(Clone)]
pub struct Tensor {
    descriptor: OperandDescriptor,
    storage: Storage,
}

#[derive(Clone)]
enum Storage {
    Owned(Arc<[Word]>),
    Shared(SharedBytes, Range<usize>),
}

impl Tensor {
    /// A tensor of these bytes: little endian, packed, row-major. The bytes are copied.
    ///
    /// **Errors** [`GraphError::Rule`] where the bytes are not as many as the descriptor needs.
    pub fn new(descriptor: OperandDescriptor, bytes: &[u8]) -> Result<Self> {
        expect_length(&descriptor, bytes.len())?;
        let mut tensor = Self::zeros(descriptor);
        tensor.bytes_mut().copy_from_slice(bytes);
        Ok(tensor)
    }

    /// A tensor that borrows `range` of shared memory; copied only where its address is unaligned for the type.
    ///
    /// **Errors** [`GraphError::Rule`] where the range leaves the memory or is not as long as the descriptor needs.
    pub fn shared(descriptor: OperandDescriptor, memory: SharedBytes, range: Range<usize>) -> Result<Self> {
        let all = (*memory).as_ref();
        let bytes = all.get(range.clone()).ok_or_else(|| {
            let reason = format!("bytes {range:?} of a memory of {}", all.len());
            GraphError::Rule { label: "tensor".into(), reason }
        })?;
        expect_length(&descriptor, bytes.len())?;
        if bytes.as_ptr().align_offset(descriptor.data_type.bits().div_ceil(8)) != 0 {
            return Self::new(descriptor, bytes);
        }
        Ok(Self { descriptor, storage: Storage::Shared(memory, range) })
    }

    /// A tensor of zeros.
    pub fn zeros(descriptor: OperandDescriptor) -> Self {
        let words = descriptor.byte_length().div_ceil(size_of::<Word>());
        Self { descriptor, storage: Storage::Owned(std::iter::repeat_n(0, words).collect()) }
    }

    /// A tensor of these elements.
    ///
    /// **Errors** a shape too large, or of another number of elements.
    pub fn from_slice<T: Element>(shape: &[usize], elements: &[T]) -> Result<Self> {
        Self::new(OperandDescriptor::new(T::DATA_TYPE, shape)?, bytemuck::cast_slice(elements))
    }

    /// Type and shape.
    pub fn descriptor(&self) -> &OperandDescriptor {
        &self.descriptor
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.descriptor.shape
    }

    /// Type of the elements.
    pub fn data_type(&self) -> DataType {
        self.descriptor.data_type
    }

    /// The bytes: little endian, packed, row-major; aligned for the element type.
    pub fn bytes(&self) -> &[u8] {
        match &self.storage {
            Storage::Owned(words) => &bytemuck::cast_slice(words)[..self.descriptor.byte_length()],
            Storage::Shared(memory, range) => &(**memory).as_ref()[range.clone()],
        }
    }

    /// The bytes, to write to; copied first where a clone shares them.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if let Storage::Shared(..) = self.storage {
            let mut owned = Self::zeros(self.descriptor.clone());
            owned.bytes_mut().copy_from_slice(self.bytes());
            *self = owned;
        }
        match &mut self.storage {
            Storage::Owned(words) => &mut bytemuck::cast_slice_mut(Arc::make_mut(words))[..self.descriptor.byte_length()],
            Storage::Shared(..) => &mut [],
        }
    }

    /// Takes new memory, of zeros, where a clone shares this tensor's: for writing all of it without a copy first.
    #[cfg(feature = "cpu")]
    pub(crate) fn make_unique(&mut self) {
        let unique = match &mut self.storage {
            Storage::Owned(words) => Arc::get_mut(words).is_some(),
            Storage::Shared(..) => false,
        };
        if !unique {
            *self = Self::zeros(self.descriptor.clone());
        }
    }

    /// The elements, row-major.
    ///
    /// **Errors** [`GraphError::Rule`] where the tensor is of another type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        self.expect_type::<T>()?;
        Ok(bytemuck::cast_slice(self.bytes()))
    }

    /// The elements, to write to; copied first where a clone shares them.
    ///
    /// **Errors** as [`Self::as_slice`].
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        self.expect_type::<T>()?;
        Ok(bytemuck::cast_slice_mut(self.bytes_mut()))
    }

    /// The same bytes in another shape.
    ///
    /// **Errors** a shape of another number of elements.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Self> {
        let descriptor = OperandDescriptor::new(self.data_type(), shape)?;
        expect_length(&descriptor, self.bytes().len())?;
        Ok(Self { descriptor, storage: self.storage.clone() })
    }

    fn expect_type<T: Element>(&self) -> Result<()> {
        if self.data_type() == T::DATA_TYPE {
            return Ok(());
        }
        let reason = format!("is read as {}, but it is {}", T::DATA_TYPE, self.descriptor);
        Err(GraphError::Rule { label: "tensor".into(), reason }.into())
    }
}

fn expect_length(descriptor: &OperandDescriptor, found: usize) -> Result<()> {
    if found == descriptor.byte_length() {
        return Ok(());
    }
    let reason = format!("{descriptor} takes {} bytes, found {found}", descriptor.byte_length());
    Err(GraphError::Rule { label: "tensor".into(), reason }.into())
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.descriptor == other.descriptor && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({})", self.descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back() {
        let tensor = Tensor::from_slice(&[2, 2], &[1i64, -2, 3, i64::MIN]).unwrap();
        assert_eq!(tensor.as_slice::<i64>().unwrap(), [1, -2, 3, i64::MIN]);
        assert!(tensor.as_slice::<i32>().is_err());
        assert!(Tensor::from_slice(&[3], &[1u8, 2]).is_err());
    }

    #[test]
    fn clones_share_until_written() {
        let first = Tensor::from_slice(&[2], &[1f32, 2.0]).unwrap();
        let mut second = first.clone();
        assert_eq!(first.bytes().as_ptr(), second.bytes().as_ptr());
        second.as_mut_slice::<f32>().unwrap()[0] = 5.0;
        assert_eq!(first.as_slice::<f32>().unwrap(), [1.0, 2.0]);
        assert_eq!(second.as_slice::<f32>().unwrap(), [5.0, 2.0]);
    }

    #[test]
    fn shared_memory_is_borrowed_where_aligned() {
        let words: Arc<Vec<u8>> = Arc::new(Tensor::from_slice(&[4], &[1f32, 2.0, 3.0, 4.0]).unwrap().bytes().to_vec());
        let base = words.as_ptr().align_offset(4);
        let descriptor = OperandDescriptor::new(DataType::Float32, [2]).unwrap();
        let memory: SharedBytes = words.clone();
        let aligned = Tensor::shared(descriptor.clone(), memory.clone(), base..base + 8).unwrap();
        assert_eq!(aligned.bytes().as_ptr(), words[base..].as_ptr());
        let unaligned = Tensor::shared(descriptor.clone(), memory.clone(), base + 1..base + 9).unwrap();
        assert_eq!(unaligned.bytes(), &words[base + 1..base + 9]);
        assert!(unaligned.as_slice::<f32>().is_ok());
        assert!(Tensor::shared(descriptor.clone(), memory.clone(), 12..20).is_err());
        assert!(Tensor::shared(descriptor, memory, 0..4).is_err());
    }
}

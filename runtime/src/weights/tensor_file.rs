//! Safetensors files of named inputs and outputs.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::mapped;
use crate::error::{Error, Result};
use crate::graph::{DataType, OperandDescriptor};
use crate::tensor::Tensor;

/// Reads every tensor of a file. bool and 16-bit integers come as int32, bfloat16 as float32.
///
/// **Errors** [`Error::Io`]; [`Error::WeightFile`] for a file that is not safetensors or a type that no tensor here has.
pub fn read_tensors(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let path = path.as_ref();
    parse_tensors(&path.display().to_string(), &mapped::map(path)?)
}

/// As [`read_tensors`], of bytes at hand; `file` is their name in errors.
///
/// **Errors** as [`read_tensors`].
pub fn parse_tensors(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let wrong = |reason: String| Error::WeightFile { file: file.to_owned(), reason };
    let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(format!("not a safetensors file: {error}")))?;
    file.iter()
        .map(|(name, view)| {
            let tensor = read_tensor(&view)?.ok_or_else(|| wrong(format!("`{name}` is {:?}, which is not taken", view.dtype())))?;
            Ok((name.to_owned(), tensor))
        })
        .collect()
}

fn read_tensor(view: &TensorView<'_>) -> Result<Option<Tensor>> {
    let shape = view.shape();
    let pairs = || view.data().chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let data_type = match view.dtype() {
        Dtype::F32 => DataType::Float32,
        Dtype::F16 => DataType::Float16,
        Dtype::I32 => DataType::Int32,
        Dtype::U32 => DataType::Uint32,
        Dtype::I64 => DataType::Int64,
        Dtype::U64 => DataType::Uint64,
        Dtype::I8 => DataType::Int8,
        Dtype::U8 => DataType::Uint8,
        Dtype::BOOL => return widened(shape, view.data().iter().map(|&flag| i32::from(flag))),
        Dtype::I16 => return widened(shape, pairs().map(|pair| i32::from(i16::from_le_bytes(pair)))),
        Dtype::U16 => return widened(shape, pairs().map(|pair| i32::from(u16::from_le_bytes(pair)))),
        Dtype::BF16 => {
            let numbers: Vec<f32> = pairs().map(|pair| half::bf16::from_le_bytes(pair).to_f32()).collect();
            return Tensor::from_slice(shape, &numbers).map(Some);
        }
        _ => return Ok(None),
    };
    Tensor::new(OperandDescriptor::new(data_type, shape)?, view.data()).map(Some)
}

fn widened(shape: &[usize], numbers: impl Iterator<Item = i32>) -> Result<Option<Tensor>> {
    Tensor::from_slice(shape, &numbers.collect::<Vec<_>>()).map(Some)
}

/// Writes tensors to a file, through a temporary file beside it, so that it is whole or not there.
///
/// **Errors** [`Error::Io`]; [`Error::WeightFile`] for a type that the format lacks.
pub fn write_tensors(path: impl AsRef<Path>, tensors: &[(String, Tensor)]) -> Result<()> {
    let path = path.as_ref();
    let wrong = |reason: String| Error::WeightFile { file: path.display().to_string(), reason };
    let mut views = BTreeMap::new();
    for (name, tensor) in tensors {
        let dtype = match tensor.data_type() {
            DataType::Float32 => Dtype::F32,
            DataType::Float16 => Dtype::F16,
            DataType::Int32 => Dtype::I32,
            DataType::Uint32 => Dtype::U32,
            DataType::Int64 => Dtype::I64,
            DataType::Uint64 => Dtype::U64,
            DataType::Int8 => Dtype::I8,
            DataType::Uint8 => Dtype::U8,
            DataType::Int4 | DataType::Uint4 => return Err(wrong(format!("`{name}` is {}, which safetensors lacks", tensor.data_type()))),
        };
        let view = TensorView::new(dtype, tensor.shape().to_vec(), tensor.bytes()).map_err(|error| wrong(error.to_string()))?;
        views.insert(name.as_str(), view);
    }
    let bytes = safetensors::serialize(views, None).map_err(|error| wrong(error.to_string()))?;
    let io = |source| Error::Io { path: path.display().to_string(), source };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    std::fs::write(&temporary, bytes).map_err(io)?;
    std::fs::rename(&temporary, path).map_err(io)
}

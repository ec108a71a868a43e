//! From the tensors a caller gives to the tensors a graph takes: names, shapes, ranges, defaults.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::graph::{DataType, OperandDescriptor};
use crate::skill::{Dimension, InputDefault, InputSpec, Size, Sizes};
use crate::tensor::Tensor;

/// Binds the symbolic sizes, checks every given tensor, converts integers, and fills defaults.
///
/// **Errors** [`Error::UnknownInput`], [`Error::MissingInput`], [`Error::InputMismatch`], [`Error::InputOutOfRange`],
/// [`Error::DimensionOutOfRange`], [`Error::DimensionTooSmall`].
pub fn prepare(
    specs: &[InputSpec],
    dimensions: &[Dimension],
    given: &BTreeMap<String, Tensor>,
) -> Result<(Sizes, Vec<(&'static str, Tensor)>)> {
    for name in given.keys() {
        if !specs.iter().any(|spec| spec.name == name) {
            return Err(Error::UnknownInput { name: name.clone(), known: specs.iter().map(|spec| spec.name.to_owned()).collect() });
        }
    }
    let mut sizes = Sizes::default();
    for spec in specs {
        match given.get(spec.name) {
            Some(tensor) => bind(spec, tensor, &mut sizes)?,
            None if spec.default == InputDefault::Required => {
                return Err(Error::MissingInput { name: spec.name.to_owned(), expected: expected(spec, &sizes) });
            }
            None => {}
        }
    }
    check_dimensions(dimensions, &sizes)?;
    let tensors = specs.iter().map(|spec| {
        let tensor = match given.get(spec.name) {
            Some(tensor) => convert(spec, tensor, &sizes)?,
            None => fill(spec, specs, given, &sizes)?,
        };
        Ok((spec.name, tensor))
    });
    Ok((sizes.clone(), tensors.collect::<Result<_>>()?))
}

fn mismatch(spec: &InputSpec, tensor: &Tensor, sizes: &Sizes) -> Error {
    Error::InputMismatch { name: spec.name.to_owned(), expected: expected(spec, sizes), found: tensor.descriptor().to_string() }
}

fn expected(spec: &InputSpec, sizes: &Sizes) -> String {
    let shape: Vec<String> = spec
        .shape
        .iter()
        .map(|size| match size {
            Size::Fixed(size) => size.to_string(),
            Size::Symbol(name) => sizes.find(name).map_or((*name).to_owned(), |size| format!("{name} = {size}")),
        })
        .collect();
    format!("{}[{}]", spec.data_type, shape.join(", "))
}

fn bind(spec: &InputSpec, tensor: &Tensor, sizes: &mut Sizes) -> Result<()> {
    if tensor.shape().len() != spec.shape.len() {
        return Err(mismatch(spec, tensor, sizes));
    }
    for (size, &found) in spec.shape.iter().zip(tensor.shape()) {
        let bound = match size {
            Size::Fixed(size) => Some(*size),
            Size::Symbol(name) => sizes.find(name),
        };
        match (bound, size) {
            (Some(bound), _) if bound != found => return Err(mismatch(spec, tensor, sizes)),
            (None, Size::Symbol(name)) => sizes.bind(name, found),
            _ => {}
        }
    }
    Ok(())
}

fn check_dimensions(dimensions: &[Dimension], sizes: &Sizes) -> Result<()> {
    for dimension in dimensions {
        let (limit, limit_name) = dimension.maximum.unwrap_or((OperandDescriptor::MAX_ELEMENTS, "the largest tensor"));
        match sizes.find(dimension.name) {
            Some(size) if (1..dimension.minimum).contains(&size) => {
                let (dimension, minimum) = (dimension.name.to_owned(), dimension.minimum);
                return Err(Error::DimensionTooSmall { dimension, size, minimum });
            }
            Some(size) if size == 0 || size > limit => {
                return Err(Error::DimensionOutOfRange {
                    dimension: dimension.name.to_owned(),
                    size,
                    limit,
                    limit_name: limit_name.to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The tensor in the type of the spec. Integers of any width convert where every element is in range.
fn convert(spec: &InputSpec, tensor: &Tensor, sizes: &Sizes) -> Result<Tensor> {
    if spec.data_type.is_float() {
        return if tensor.data_type() == spec.data_type { Ok(tensor.clone()) } else { Err(mismatch(spec, tensor, sizes)) };
    }
    let numbers = integers(tensor).ok_or_else(|| mismatch(spec, tensor, sizes))?;
    let (minimum, limit) = range(spec);
    if let Some(position) = numbers.iter().position(|number| *number < minimum || *number >= limit) {
        return Err(out_of_range(spec, tensor.shape(), position, numbers[position]));
    }
    from_integers(spec.data_type, tensor.shape(), &numbers)
}

fn out_of_range(spec: &InputSpec, shape: &[usize], position: usize, value: i128) -> Error {
    let (minimum, limit) = range(spec);
    Error::InputOutOfRange {
        name: spec.name.to_owned(),
        index: unravel(position, shape),
        value: i64::try_from(value).unwrap_or(i64::MAX),
        minimum: minimum as i64,
        limit: limit as i64,
    }
}

/// First value allowed, and the first that is not.
fn range(spec: &InputSpec) -> (i128, i128) {
    let (minimum, limit) = match spec.data_type {
        DataType::Int32 => (i32::MIN as i128, i32::MAX as i128 + 1),
        DataType::Uint32 => (0, u32::MAX as i128 + 1),
        DataType::Int8 => (i8::MIN as i128, i8::MAX as i128 + 1),
        DataType::Uint8 => (0, u8::MAX as i128 + 1),
        _ => (i64::MIN as i128, i64::MAX as i128),
    };
    match spec.below {
        Some(below) => (0, (below as i128).min(limit)),
        None => (minimum, limit),
    }
}

/// The elements of a tensor of whole numbers of a byte or more.
fn integers(tensor: &Tensor) -> Option<Vec<i128>> {
    let (data_type, signed) = (tensor.data_type(), tensor.data_type().integers().is_some_and(|range| *range.start() < 0));
    if data_type.is_float() || data_type.bits() < 8 {
        return None;
    }
    let widen = |bytes: &[u8]| {
        let negative = signed && bytes.last().is_some_and(|byte| *byte > 127);
        let mut wide = [if negative { 255 } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        i128::from_le_bytes(wide)
    };
    Some(tensor.bytes().chunks_exact(data_type.bits() / 8).map(widen).collect())
}

fn from_integers(data_type: DataType, shape: &[usize], numbers: &[i128]) -> Result<Tensor> {
    let mut bytes = Vec::with_capacity(numbers.len() * data_type.bits() / 8);
    match data_type {
        DataType::Float32 => numbers.iter().for_each(|number| bytes.extend((*number as f32).to_le_bytes())),
        DataType::Float16 | DataType::Int4 | DataType::Uint4 => {
            let (operator, platform) = ("input".into(), "host".into());
            return Err(Error::Unsupported { operator, platform, reason: format!("an input of type {data_type}") });
        }
        // The low bytes are the number in the type.
        _ => numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()[..data_type.bits() / 8])),
    }
    Tensor::new(OperandDescriptor::new(data_type, shape)?, &bytes)
}

fn fill(spec: &InputSpec, specs: &[InputSpec], given: &BTreeMap<String, Tensor>, sizes: &Sizes) -> Result<Tensor> {
    let shape = spec
        .shape
        .iter()
        .map(|size| match size {
            Size::Fixed(size) => Ok(*size),
            Size::Symbol(name) => Ok(sizes.get(name)?),
        })
        .collect::<Result<Vec<usize>>>()?;
    let count: usize = shape.iter().product();
    let last = shape.last().copied().unwrap_or(1).max(1);
    let all = |value: i128| vec![value; count];
    let numbers: Vec<i128> = match spec.default {
        InputDefault::Ones => all(1),
        InputDefault::Positions => (0..count).map(|index| (index % last) as i128).collect(),
        InputDefault::Zeros | InputDefault::Required => all(0),
        InputDefault::PositionsOf { input, padding } => {
            let other = specs.iter().find(|other| other.name == input);
            let tensor = match (given.get(input), other) {
                (Some(tensor), _) => tensor.clone(),
                (None, Some(other)) if other.default != spec.default => fill(other, specs, given, sizes)?,
                _ => return Err(Error::MissingInput { name: input.to_owned(), expected: expected(spec, sizes) }),
            };
            let elements = integers(&tensor).ok_or_else(|| mismatch(spec, &tensor, sizes))?;
            elements.chunks(last).flat_map(|row| positions_of(row, padding as i128)).collect()
        }
    };
    let limit = spec.below.map_or(i128::MAX, |below| below as i128);
    if let Some(position) = numbers.iter().position(|number| *number >= limit) {
        return Err(out_of_range(spec, &shape, position, numbers[position]));
    }
    from_integers(spec.data_type, &shape, &numbers)
}

fn positions_of(row: &[i128], padding: i128) -> Vec<i128> {
    let mut position = padding;
    let mut next = |element: i128| {
        if element == padding {
            return padding;
        }
        position += 1;
        position
    };
    row.iter().map(|&element| next(element)).collect()
}

fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = position % shape[axis];
        position /= shape[axis];
    }
    index
}

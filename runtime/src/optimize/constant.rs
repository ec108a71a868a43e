//! What a device uploads once: checkpoint tensors and the graph's own constants, some of them packed into one.

use std::fmt::Write;
use std::sync::Arc;

use crate::graph::OperandDescriptor;

/// A tensor made of parts that stand one after another, as a concatenation along the first axis does.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedConstant {
    /// Equal keys mean equal bytes (of one checkpoint), also between programs.
    pub key: String,
    /// Type and shape of the whole.
    pub descriptor: OperandDescriptor,
    /// At least one.
    pub parts: Vec<Part>,
}

/// A part of a [`PackedConstant`].
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A checkpoint's tensor by its name in the graph.
    Weight {
        /// The name.
        name: String,
        /// Type and shape.
        descriptor: OperandDescriptor,
    },
    /// Bytes of the graph, little endian and packed.
    Bytes {
        /// The bytes.
        bytes: Arc<[u8]>,
        /// Type and shape.
        descriptor: OperandDescriptor,
    },
    /// Zeros, where one of several merged products has no bias.
    Zeros {
        /// Type and shape.
        descriptor: OperandDescriptor,
    },
}

impl Part {
    /// Type and shape of this part.
    pub fn descriptor(&self) -> &OperandDescriptor {
        match self {
            Part::Weight { descriptor, .. } | Part::Bytes { descriptor, .. } | Part::Zeros { descriptor } => descriptor,
        }
    }

    fn key(&self) -> String {
        match self {
            Part::Weight { name, .. } => format!("weight {name}"),
            Part::Bytes { bytes, descriptor } => format!("constant {descriptor} {}", digest(bytes)),
            Part::Zeros { descriptor } => format!("zeros {descriptor}"),
        }
    }
}

impl PackedConstant {
    /// One part, as it is.
    pub(super) fn single(part: Part) -> Self {
        Self { key: part.key(), descriptor: part.descriptor().clone(), parts: vec![part] }
    }

    /// Several parts, concatenated along the first axis; they agree in the others.
    pub(super) fn rows(parts: Vec<Part>) -> Self {
        let mut descriptor = parts[0].descriptor().clone();
        descriptor.shape[0] = parts.iter().map(|part| part.descriptor().shape[0]).sum();
        let key = parts.iter().map(Part::key).collect::<Vec<_>>().join(" | ");
        Self { key, descriptor, parts }
    }
}

/// Short bytes themselves, else 128 bits of FNV-1a: the constants of one graph are few.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    if bytes.len() <= 16 {
        bytes.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a String takes all text"));
        return text;
    }
    let hash = bytes.iter().fold(0x6c62272e07bb014262b821756295c58d_u128, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000000001000000000000000000013b)
    });
    format!("{hash:032x}")
}

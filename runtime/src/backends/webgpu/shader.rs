//! Builds the text of one dispatch: bindings, an accessor per tensor, the kernel's body.
//!
//! A kernel asks for a tensor by a name and a width and reads it as `name(i)` or, four elements at a time, `name4(i)`; it writes
//! with `set_name(i, value)` or `set_name4(i, value)`. How the elements are stored (whole, packed, split over bindings) stays here.

use std::fmt::Write;

use super::dispatch::{Binding, Chunk, Dispatch, Region, Resource};
use super::kernels::math;
use super::lower::Options;
use super::lower::unsupported;
use crate::error::Result;
use crate::graph::DataType;

/// How an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    F32,
    I32,
    U32,
    I8,
    U8,
}

impl Storage {
    /// The storage of a data type, if WGSL without extensions has arithmetic for it.
    pub(super) fn of(data_type: DataType) -> Option<Self> {
        match data_type {
            DataType::Float32 => Some(Storage::F32),
            DataType::Int32 => Some(Storage::I32),
            DataType::Uint32 => Some(Storage::U32),
            DataType::Int8 => Some(Storage::I8),
            DataType::Uint8 => Some(Storage::U8),
            DataType::Float16 | DataType::Int64 | DataType::Uint64 | DataType::Int4 | DataType::Uint4 => None,
        }
    }

    /// The WGSL type that a loaded element has.
    pub(super) const fn scalar(self) -> &'static str {
        match self {
            Storage::F32 => "f32",
            Storage::I32 | Storage::I8 => "i32",
            Storage::U32 | Storage::U8 => "u32",
        }
    }

    /// True where four elements share a word.
    pub(super) const fn is_packed(self) -> bool {
        matches!(self, Storage::I8 | Storage::U8)
    }
}

/// A tensor as lowering found it: where it lies and of what it is made.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) resource: Resource,
    pub(super) region: Region,
    pub(super) storage: Storage,
    pub(super) elements: usize,
    /// More than one only for constants that exceed a binding.
    pub(super) chunks: Vec<Chunk>,
}

impl Tensor {
    /// True where reading or writing four elements at a time stays inside the tensor and inside its chunks.
    pub(super) fn allows_four(&self) -> bool {
        self.elements.is_multiple_of(4) && (self.chunks.len() < 2 || self.row_elements().is_multiple_of(4))
    }

    /// Elements of one row of the first axis.
    pub(super) fn row_elements(&self) -> usize {
        self.elements / self.chunks.last().map_or(1, |chunk| chunk.rows.end.max(1))
    }
}

struct Port {
    name: &'static str,
    tensor: Tensor,
    width: usize,
    writes: bool,
}

/// A dispatch in the making.
pub(super) struct Shader<'a> {
    options: &'a Options,
    label: &'a str,
    ports: Vec<Port>,
}

impl<'a> Shader<'a> {
    pub(super) fn new(options: &'a Options, label: &'a str) -> Self {
        Self { options, label, ports: Vec::new() }
    }

    /// Declares a tensor that is read; `width` is 1 or 4.
    pub(super) fn read(&mut self, name: &'static str, tensor: &Tensor, width: usize) {
        self.ports.push(Port { name, tensor: tensor.clone(), width, writes: false });
    }

    /// Declares a tensor that is written; `width` is 1 or 4, and 4 where elements are packed.
    pub(super) fn write(&mut self, name: &'static str, tensor: &Tensor, width: usize) {
        self.ports.push(Port { name, tensor: tensor.clone(), width, writes: true });
    }

    /// The dispatch. The math functions that `body` names are added.
    pub(super) fn finish(self, body: &str, workgroups: [u32; 3]) -> Result<Dispatch> {
        let mut bindings: Vec<(Binding, Storage, usize)> = Vec::new();
        let mut accessors = String::new();
        let mut slots: Vec<Vec<usize>> = Vec::new();
        for port in &self.ports {
            slots.push(port.regions().into_iter().map(|(resource, region)| self.slot(&mut bindings, port, resource, region)).collect());
        }
        if bindings.len() > self.options.max_bindings {
            let reason = format!("needs {} storage buffers in one dispatch; the limit is {}", bindings.len(), self.options.max_bindings);
            return Err(unsupported(self.label, reason));
        }
        for (port, slots) in self.ports.iter().zip(&slots) {
            port.accessor(&mut accessors, slots, bindings[slots[0]].2);
        }
        let mut source = String::new();
        for (index, (binding, storage, width)) in bindings.iter().enumerate() {
            let access = if binding.writable { "read_write" } else { "read" };
            let element = match storage {
                Storage::I8 | Storage::U8 => String::from("u32"),
                _ if *width == 4 => format!("vec4<{}>", storage.scalar()),
                _ => storage.scalar().to_owned(),
            };
            let _ = writeln!(source, "@group(0) @binding({index}) var<storage, {access}> buffer{index}: array<{element}>;");
        }
        source.push_str(&accessors);
        source.push_str(&math::needed(body));
        source.push_str(body);
        let bindings: Vec<Binding> = bindings.into_iter().map(|(binding, ..)| binding).collect();
        if let Some(binding) = bindings.iter().find(|binding| binding.region.size > self.options.max_binding_bytes) {
            let reason = format!("a tensor of {} bytes; a binding holds {}", binding.region.size, self.options.max_binding_bytes);
            return Err(unsupported(self.label, reason));
        }
        Ok(Dispatch { label: self.label.to_owned(), source: source.into(), bindings, workgroups })
    }

    /// The binding of a region: one per region, so that a tensor used twice does not alias itself.
    fn slot(&self, bindings: &mut Vec<(Binding, Storage, usize)>, port: &Port, resource: Resource, region: Region) -> usize {
        let writable = matches!(resource, Resource::Arena | Resource::Outputs);
        if let Some(known) = bindings.iter().position(|(binding, ..)| binding.resource == resource && binding.region == region) {
            bindings[known].2 = bindings[known].2.min(port.width);
            return known;
        }
        bindings.push((Binding { resource, region, writable }, port.tensor.storage, port.width));
        bindings.len() - 1
    }
}

impl Port {
    fn regions(&self) -> Vec<(Resource, Region)> {
        match self.tensor.resource {
            Resource::Constant { index, .. } if self.tensor.chunks.len() > 1 => {
                let region = |chunk: &Chunk| Region::new(0, chunk.bytes.len());
                self.tensor.chunks.iter().enumerate().map(|(chunk, range)| (Resource::Constant { index, chunk }, region(range))).collect()
            }
            resource => vec![(resource, self.tensor.region)],
        }
    }

    fn accessor(&self, text: &mut String, slots: &[usize], stored_width: usize) {
        let (name, scalar, storage) = (self.name, self.tensor.storage.scalar(), self.tensor.storage);
        let (suffix, result) = if self.width == 4 { ("4", format!("vec4<{scalar}>")) } else { ("", scalar.to_owned()) };
        if self.writes {
            let slot = slots[0];
            let value = match (storage.is_packed(), self.width == stored_width) {
                (true, _) => "(value.x & 255u) | ((value.y & 255u) << 8u) | ((value.z & 255u) << 16u) | ((value.w & 255u) << 24u)",
                _ => "value",
            };
            let value = if storage == Storage::I8 { value.replace("value.", "u.") } else { value.to_owned() };
            let convert = if storage == Storage::I8 { "let u = bitcast<vec4<u32>>(value); " } else { "" };
            let _ = match (self.width, stored_width, storage.is_packed()) {
                (4, 1, false) => {
                    let parts = ["x", "y", "z", "w"].iter().enumerate().map(|(k, c)| format!("buffer{slot}[4u * i + {k}u] = value.{c};"));
                    writeln!(text, "fn set_{name}4(i: u32, value: {result}) {{ {} }}", parts.collect::<Vec<_>>().join(" "))
                }
                _ => writeln!(text, "fn set_{name}{suffix}(i: u32, value: {result}) {{ {convert}buffer{slot}[i] = {value}; }}"),
            };
            return;
        }
        let load = |slot: usize, index: &str| match (storage, self.width, stored_width) {
            (Storage::U8, 1, _) => format!("(buffer{slot}[({index}) >> 2u] >> ((({index}) & 3u) * 8u)) & 255u"),
            (Storage::I8, 1, _) => format!("(bitcast<i32>(buffer{slot}[({index}) >> 2u]) << ((3u - (({index}) & 3u)) * 8u)) >> 24u"),
            (Storage::U8, _, _) => format!("(vec4<u32>(buffer{slot}[{index}]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)"),
            (Storage::I8, _, _) => {
                format!("(vec4<i32>(bitcast<i32>(buffer{slot}[{index}])) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u)")
            }
            (_, 4, 1) => {
                let parts: Vec<_> = (0..4).map(|k| format!("buffer{slot}[4u * ({index}) + {k}u]")).collect();
                format!("vec4<{scalar}>({})", parts.join(", "))
            }
            _ => format!("buffer{slot}[{index}]"),
        };
        let _ = write!(text, "fn {name}{suffix}(i: u32) -> {result} {{ ");
        let row = self.tensor.row_elements();
        for (position, slot) in slots.iter().enumerate().take(slots.len() - 1) {
            let chunk = &self.tensor.chunks[position];
            let (start, end) = (chunk.rows.start * row / self.width, chunk.rows.end * row / self.width);
            let _ = write!(text, "if (i < {end}u) {{ return {}; }} ", load(*slot, &format!("i - {start}u")));
        }
        let start = if slots.len() > 1 { self.tensor.chunks[slots.len() - 1].rows.start * row / self.width } else { 0 };
        let index = if start > 0 { format!("i - {start}u") } else { String::from("i") };
        let _ = writeln!(text, "return {}; }}", load(slots[slots.len() - 1], &index));
    }
}

/// Workgroups of a flat range in at most two dimensions, and the number in x.
///
/// A kernel takes `group.x + group.y * columns` as its number and ends where that is not below `groups`.
pub(super) fn fold(groups: usize, limit: u32) -> ([u32; 3], usize) {
    let rows = groups.div_ceil(limit as usize).max(1);
    let columns = groups.div_ceil(rows);
    ([columns as u32, rows as u32, 1], columns)
}

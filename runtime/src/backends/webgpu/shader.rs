//! Builds the text of one dispatch: bindings, an accessor per tensor, the kernel's body.
//!
//! A kernel asks for a tensor by a name and a width and reads it as `name(i)` or, four elements at a time, `name4(i)`; it writes
//! with `set_name(i, value)` or `set_name4(i, value)`. How the elements are stored (whole, packed, split over bindings) stays here.

use std::fmt::Write;

use super::dispatch::{Binding, Chunk, Dispatch, Region, Resource};
use super::kernels::math;
use super::lower::Options;
use super::lower::unsupported;
use super::storage::Storage;
use crate::error::Result;

/// What infinities are made of: no constant expression of WGSL may be infinite or no number.
pub(crate) const INFINITY: &str = "infinity_bits";

/// A tensor as lowering found it: where it lies and of what it is made.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) resource: Resource,
    pub(crate) region: Region,
    pub(crate) storage: Storage,
    pub(crate) elements: usize,
    /// More than one only for constants that exceed a binding.
    pub(crate) chunks: Vec<Chunk>,
}

impl Tensor {
    /// True where reading or writing four elements at a time stays inside the tensor and inside its chunks.
    pub(crate) fn allows_four(&self) -> bool {
        let whole = self.elements.is_multiple_of(4) && (self.chunks.len() < 2 || self.row_elements().is_multiple_of(4));
        whole && !self.storage.is_wide()
    }

    /// The same bits as whole numbers.
    pub(crate) fn raw(&self) -> Self {
        Self { storage: self.storage.raw(), ..self.clone() }
    }

    /// The same memory as whole words: for copies of parts that are whole words.
    pub(crate) fn words(&self) -> Self {
        Self { storage: Storage::U32, elements: (self.elements * self.storage.bits()).div_ceil(32), ..self.clone() }
    }

    /// Elements of one row of the first axis.
    pub(crate) fn row_elements(&self) -> usize {
        self.elements / self.chunks.last().map_or(1, |chunk| chunk.rows.end.max(1))
    }
}

struct Port {
    name: &'static str,
    tensor: Tensor,
    width: usize,
    access: Access,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Only `raise_name`.
    Atomic,
}

/// Turns of all loops of an invocation that llvmpipe makes before it ends them.
const SOFTWARE_TURNS: usize = 65_535;

/// A dispatch in the making.
pub(crate) struct Shader<'a> {
    options: &'a Options,
    label: &'a str,
    ports: Vec<Port>,
    turns: usize,
}

/// A binding in the making: its place, what its array is made of, and whether by four.
struct Slot {
    binding: Binding,
    storage: Storage,
    width: usize,
    atomic: bool,
}

impl<'a> Shader<'a> {
    pub(crate) fn new(options: &'a Options, label: &'a str) -> Self {
        Self { options, label, ports: Vec::new(), turns: 0 }
    }

    /// Says how often the loops of one invocation turn, all together.
    pub(crate) fn turns(&mut self, turns: usize) {
        self.turns = self.turns.max(turns);
    }

    /// How often they turn where an invocation does its work so many times.
    pub(crate) fn repeated(&mut self, times: usize) {
        self.turns = self.turns.saturating_mul(times);
    }

    /// Declares a tensor that is read; `width` is 1 or 4.
    pub(crate) fn read(&mut self, name: &'static str, tensor: &Tensor, width: usize) {
        self.ports.push(Port { name, tensor: tensor.clone(), width, access: Access::Read });
    }

    /// Declares a tensor that is written; `width` is 1 or 4. Packed elements are written by four, or by the word.
    pub(crate) fn write(&mut self, name: &'static str, tensor: &Tensor, width: usize) {
        self.ports.push(Port { name, tensor: tensor.clone(), width, access: Access::Write });
    }

    /// Declares a tensor of `u32` whose greatest written number stays: `raise_name(i, value)`.
    pub(crate) fn raise(&mut self, name: &'static str, tensor: &Tensor) {
        self.ports.push(Port { name, tensor: tensor.clone(), width: 1, access: Access::Atomic });
    }

    /// The dispatch. The math functions that `body` names are added.
    pub(crate) fn finish(self, body: &str, workgroups: [u32; 3]) -> Result<Dispatch> {
        let mut bindings: Vec<Slot> = Vec::new();
        let mut accessors = String::new();
        let mut slots: Vec<Vec<usize>> = Vec::new();
        for port in &self.ports {
            slots.push(port.regions().into_iter().map(|(resource, region)| slot(&mut bindings, port, resource, region)).collect());
        }
        if self.options.software && self.turns > SOFTWARE_TURNS {
            let reason = format!(
                "loops of {} turns in one invocation; a software adapter is given at most {SOFTWARE_TURNS}, because llvmpipe ends longer ones without a word",
                self.turns
            );
            return Err(unsupported(self.label, reason));
        }
        if bindings.len() > self.options.max_bindings {
            let reason = format!("needs {} storage buffers in one dispatch; the limit is {}", bindings.len(), self.options.max_bindings);
            return Err(unsupported(self.label, reason));
        }
        for (port, slots) in self.ports.iter().zip(&slots) {
            port.accessor(&mut accessors, slots, &bindings[slots[0]]);
        }
        let mut source = String::new();
        for (index, slot) in bindings.iter().enumerate() {
            let access = if slot.binding.writable { "read_write" } else { "read" };
            let element = if slot.atomic { String::from("atomic<u32>") } else { slot.storage.element(slot.width) };
            let _ = writeln!(source, "@group(0) @binding({index}) var<storage, {access}> buffer{index}: array<{element}>;");
        }
        if body.contains(INFINITY) {
            let _ = writeln!(source, "var<private> {INFINITY}: u32 = 0x7f800000u;");
        }
        source.push_str(&accessors);
        source.push_str(&math::needed(&[&accessors, body]));
        source.push_str(body);
        let bindings: Vec<Binding> = bindings.into_iter().map(|slot| slot.binding).collect();
        if let Some(binding) = bindings.iter().find(|binding| binding.region.size > self.options.max_binding_bytes) {
            let reason = format!("a tensor of {} bytes; a binding holds {}", binding.region.size, self.options.max_binding_bytes);
            return Err(unsupported(self.label, reason));
        }
        Ok(Dispatch { label: self.label.to_owned(), source: source.into(), bindings, workgroups })
    }
}

/// The binding of a region: one per region, so that a tensor used twice does not alias itself.
fn slot(bindings: &mut Vec<Slot>, port: &Port, resource: Resource, region: Region) -> usize {
    let writable = matches!(resource, Resource::Arena | Resource::Outputs);
    if let Some(known) = bindings.iter().position(|slot| slot.binding.resource == resource && slot.binding.region == region) {
        bindings[known].width = bindings[known].width.min(port.width);
        return known;
    }
    let binding = Binding { resource, region, writable };
    bindings.push(Slot { binding, storage: port.tensor.storage, width: port.width, atomic: port.access == Access::Atomic });
    bindings.len() - 1
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

    fn accessor(&self, text: &mut String, slots: &[usize], stored: &Slot) {
        match self.access {
            Access::Read => self.reader(text, slots, stored),
            Access::Write => self.writer(text, slots[0], stored),
            Access::Atomic => {
                let _ = writeln!(text, "fn raise_{}(i: u32, value: u32) {{ atomicMax(&buffer{}[i], value); }}", self.name, slots[0]);
            }
        }
    }

    fn writer(&self, text: &mut String, slot: usize, stored: &Slot) {
        let (name, storage) = (self.name, self.tensor.storage);
        let scalar = storage.scalar();
        let (suffix, result) = if self.width == 4 { ("4", format!("vec4<{scalar}>")) } else { ("", scalar.to_owned()) };
        let _ = match (storage.bits(), self.width, stored.width) {
            // Whoever writes words knows the whole of each.
            (4 | 8 | 16, 1, _) | (4, ..) => writeln!(text, "fn set_{name}_word(i: u32, word: u32) {{ buffer{slot}[i] = word; }}"),
            (8, ..) => writeln!(
                text,
                "fn set_{name}4(i: u32, value: {result}) {{ let u = {}; buffer{slot}[i] = u.x | (u.y << 8u) | (u.z << 16u) | (u.w << 24u); }}",
                storage.encode("value", 4)
            ),
            (16, ..) => writeln!(
                text,
                "fn set_{name}4(i: u32, value: {result}) {{ let u = {}; buffer{slot}[2u * i] = u.x | (u.y << 16u); \
                 buffer{slot}[2u * i + 1u] = u.z | (u.w << 16u); }}",
                storage.encode("value", 4)
            ),
            (_, 4, 1) => {
                let parts = ["x", "y", "z", "w"].iter().enumerate().map(|(k, c)| format!("buffer{slot}[4u * i + {k}u] = value.{c};"));
                writeln!(text, "fn set_{name}4(i: u32, value: {result}) {{ {} }}", parts.collect::<Vec<_>>().join(" "))
            }
            _ => writeln!(text, "fn set_{name}{suffix}(i: u32, value: {result}) {{ buffer{slot}[i] = value; }}"),
        };
    }

    fn reader(&self, text: &mut String, slots: &[usize], stored: &Slot) {
        let (name, storage) = (self.name, self.tensor.storage);
        let scalar = storage.scalar();
        let (suffix, result) = if self.width == 4 { ("4", format!("vec4<{scalar}>")) } else { ("", scalar.to_owned()) };
        // One region read as two types is bound as the first.
        let cast = if storage.is_packed() || stored.storage.scalar() == scalar { "" } else { "bitcast" };
        let load = |slot: usize, index: &str| {
            let buffer = format!("buffer{slot}");
            let value = match (storage.is_packed(), self.width, stored.width) {
                (true, 4, _) => storage.load_four(&buffer, index),
                (false, 4, 1) => {
                    let parts: Vec<_> = (0..4).map(|k| format!("{buffer}[4u * ({index}) + {k}u]")).collect();
                    format!("vec4<{}>({})", stored.storage.scalar(), parts.join(", "))
                }
                _ => storage.load(&buffer, index),
            };
            if cast.is_empty() { value } else { format!("bitcast<{result}>({value})") }
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
pub(crate) fn fold(groups: usize, limit: u32) -> ([u32; 3], usize) {
    let rows = groups.div_ceil(limit as usize).max(1);
    let columns = groups.div_ceil(rows);
    ([columns as u32, rows as u32, 1], columns)
}

//! Places every buffer: inputs, outputs and constants apart, all else in one arena by lifetime.

use super::draft::{DraftValue, Origin};
use super::{Buffer, Place, Program};
use crate::graph::ValueId;
use crate::order::order;

/// Offsets in the arena are multiples of this: what WebGPU asks of bindings.
const ALIGNMENT: usize = 256;

/// Fills `buffers`, `constants` and `arena_bytes`. `roots[b]` is the draft's value that buffer `b` belongs to.
pub(super) fn place(program: &mut Program, roots: &[ValueId], values: &[DraftValue], outputs: &[ValueId]) {
    let mut lifetimes = lifetimes(program, roots.len());
    for (buffer, root) in roots.iter().enumerate() {
        let value = &values[root.0 as usize];
        let output = outputs.iter().position(|output| output == root);
        let place = match (&value.origin, output) {
            (Origin::Input(index), _) => Place::Input(*index),
            (Origin::Constant(constant) | Origin::Scalar(_, constant), _) => {
                program.constants.push(constant.clone());
                Place::Constant(program.constants.len() - 1)
            }
            (Origin::Step, Some(index)) => Place::Output(index),
            (Origin::Step, None) => Place::Arena { offset: 0 },
        };
        program.buffers.push(Buffer { byte_length: value.descriptor.byte_length(), place });
        if !matches!(place, Place::Arena { .. }) {
            lifetimes[buffer] = None;
        }
    }
    let slots: Vec<Slot> = lifetimes
        .iter()
        .enumerate()
        .filter_map(|(buffer, lifetime)| {
            let (first, last) = (*lifetime)?;
            let size = program.buffers[buffer].byte_length.next_multiple_of(ALIGNMENT);
            Some(Slot { buffer, first, last, size, offset: 0 })
        })
        .collect();
    for slot in first_fit(&slots) {
        program.buffers[slot.buffer].place = Place::Arena { offset: slot.offset };
        program.arena_bytes = program.arena_bytes.max(slot.offset + slot.size);
    }
}

/// By buffer: the first and the last step that touches it.
fn lifetimes(program: &Program, buffers: usize) -> Vec<Option<(usize, usize)>> {
    let mut lifetimes = vec![None; buffers];
    for (index, step) in program.steps.iter().enumerate() {
        for value in step.kernel.reads().iter().chain(&step.outputs) {
            let lifetime: &mut Option<(usize, usize)> = &mut lifetimes[program.values[value.0 as usize].buffer.0 as usize];
            lifetime.get_or_insert((index, index)).1 = index;
        }
    }
    lifetimes
}

#[derive(Clone, Copy)]
struct Slot {
    buffer: usize,
    first: usize,
    last: usize,
    size: usize,
    offset: usize,
}

/// Large ones first, each at the lowest offset where nothing alive at the same time lies.
fn first_fit(slots: &[Slot]) -> Vec<Slot> {
    let key = |index: usize| (std::cmp::Reverse(slots[index].size), slots[index].first);
    let order = order(slots.len(), &|a, b| key(a) < key(b));
    let mut placed: Vec<Slot> = Vec::with_capacity(slots.len());
    for index in order {
        let mut slot = slots[index];
        // `placed` stays sorted by offset.
        for other in placed.iter().filter(|other| other.first <= slot.last && slot.first <= other.last) {
            if slot.offset + slot.size <= other.offset {
                break;
            }
            slot.offset = slot.offset.max(other.offset + other.size);
        }
        let position = placed.partition_point(|other| other.offset <= slot.offset);
        placed.insert(position, slot);
    }
    placed
}

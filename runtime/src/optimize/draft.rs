//! A program in the making: steps that passes merge, with what reads and makes each value kept up to date.

use std::collections::BTreeSet;

use super::view::restride;
use super::{Kernel, PackedConstant, Program, ProgramValue, Step, memory};
use crate::graph::{Graph, OperandDescriptor, ValueId};

/// Values are numbered as in the graph; passes append more.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) values: Vec<DraftValue>,
    steps: Vec<Option<Step>>,
    /// By value: the steps that read it or a reshape of it.
    readers: Vec<BTreeSet<usize>>,
    /// By value: the step that makes it.
    makers: Vec<Option<usize>>,
    /// One root each, made by a step.
    pub(super) outputs: Vec<ValueId>,
    /// The outputs in their shapes: those roots or reshapes of them.
    pub(super) output_values: Vec<ValueId>,
}

#[derive(Debug)]
pub(super) struct DraftValue {
    pub(super) descriptor: OperandDescriptor,
    /// The value whose memory this one shares; itself where it has its own.
    pub(super) root: ValueId,
    pub(super) origin: Origin,
}

/// Where a root comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    Input(usize),
    Constant(PackedConstant),
    /// A number that expressions hold; the constant is for other readers.
    Scalar(f64, PackedConstant),
    Step,
}

impl Draft {
    pub(super) fn add_value(&mut self, descriptor: OperandDescriptor, origin: Origin) -> ValueId {
        let id = ValueId(self.values.len() as u32);
        self.values.push(DraftValue { descriptor, root: id, origin });
        self.readers.push(BTreeSet::new());
        self.makers.push(None);
        id
    }

    /// Makes `value` share the memory of `root`.
    pub(super) fn alias(&mut self, value: ValueId, root: ValueId) {
        self.values[value.0 as usize].root = self.root(root);
    }

    pub(super) fn root(&self, value: ValueId) -> ValueId {
        self.values[value.0 as usize].root
    }

    pub(super) fn origin(&self, value: ValueId) -> &Origin {
        &self.values[self.root(value).0 as usize].origin
    }

    pub(super) fn descriptor(&self, value: ValueId) -> &OperandDescriptor {
        &self.values[value.0 as usize].descriptor
    }

    /// The constant that a value is, if it is one.
    pub(super) fn constant(&self, value: ValueId) -> Option<&PackedConstant> {
        match self.origin(value) {
            Origin::Constant(constant) | Origin::Scalar(_, constant) => Some(constant),
            _ => None,
        }
    }

    /// The number that a value is in every element, if it is a constant of one.
    pub(super) fn scalar(&self, value: ValueId) -> Option<f64> {
        match self.origin(value) {
            Origin::Scalar(number, _) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn push(&mut self, step: Step) {
        self.steps.push(None);
        self.put(self.steps.len() - 1, step);
    }

    pub(super) fn put(&mut self, index: usize, step: Step) {
        self.take(index);
        for read in step.kernel.reads() {
            let root = self.root(read);
            self.readers[root.0 as usize].insert(index);
        }
        for output in &step.outputs {
            self.makers[output.0 as usize] = Some(index);
        }
        self.steps[index] = Some(step);
    }

    /// Removes a step.
    pub(super) fn take(&mut self, index: usize) -> Option<Step> {
        let step = self.steps[index].take()?;
        for read in step.kernel.reads() {
            let root = self.root(read);
            self.readers[root.0 as usize].remove(&index);
        }
        for output in &step.outputs {
            self.makers[output.0 as usize] = None;
        }
        Some(step)
    }

    pub(super) fn step(&self, index: usize) -> Option<&Step> {
        self.steps[index].as_ref()
    }

    pub(super) fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// The step that makes a value, where `reader` alone reads it and no caller does: what may be merged into `reader`.
    pub(super) fn private_maker(&self, value: ValueId, reader: usize) -> Option<usize> {
        let root = self.root(value);
        let private = self.readers[root.0 as usize].iter().eq([&reader]) && !self.outputs.contains(&root);
        self.makers[root.0 as usize].filter(|_| private)
    }

    /// The step that reads a value, where it is one alone and no caller reads it.
    pub(super) fn only_reader(&self, value: ValueId) -> Option<usize> {
        let root = self.root(value);
        let mut readers = self.readers[root.0 as usize].iter();
        let only = readers.next().copied().filter(|_| readers.next().is_none());
        only.filter(|_| !self.outputs.contains(&root))
    }

    /// True where nothing needs the value.
    pub(super) fn unread(&self, value: ValueId) -> bool {
        let root = self.root(value);
        self.readers[root.0 as usize].is_empty() && !self.outputs.contains(&root)
    }

    /// Numbers what is left, merges axes, and places every buffer.
    pub(super) fn finish(self, graph: &Graph) -> Program {
        let mut program = Program {
            values: Vec::new(),
            buffers: Vec::new(),
            constants: Vec::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            arena_bytes: 0,
        };
        let mut roots = Vec::new();
        let values = &self.values;
        let mut buffers: Vec<Option<usize>> = vec![None; values.len()];
        let mut known: Vec<Option<ValueId>> = vec![None; values.len()];
        let mut number = |old: ValueId| {
            *known[old.0 as usize].get_or_insert_with(|| {
                let value = &values[old.0 as usize];
                let buffer = *buffers[value.root.0 as usize].get_or_insert_with(|| {
                    roots.push(value.root);
                    roots.len() - 1
                });
                program.values.push(ProgramValue { descriptor: value.descriptor.clone(), buffer: super::BufferId(buffer as u32) });
                ValueId(program.values.len() as u32 - 1)
            })
        };
        program.inputs = graph.inputs().iter().map(|(name, value)| (name.clone(), number(*value))).collect();
        for step in self.steps.into_iter().flatten() {
            let kernel = step.kernel.map_reads(&mut number);
            let outputs = step.outputs.iter().map(|value| number(*value)).collect();
            program.steps.push(Step { kernel: merge_axes(kernel), outputs, label: step.label });
        }
        program.outputs =
            graph.outputs().iter().zip(&self.output_values).map(|((name, _), value)| (name.clone(), number(*value))).collect();
        memory::place(&mut program, &roots, values, &self.outputs);
        program
    }
}

/// A pointwise step over as few axes as its strides allow.
fn merge_axes(mut kernel: Kernel) -> Kernel {
    if let Kernel::Pointwise(pointwise) = &mut kernel {
        let mut shape: Vec<usize> = pointwise.shape.iter().copied().filter(|size| *size != 1).collect();
        let mut axis = 0;
        while axis + 1 < shape.len() {
            let mut merged = shape.clone();
            merged[axis] *= merged.remove(axis + 1);
            if pointwise.inputs.iter().all(|input| restride(&pointwise.shape, &input.strides, &merged).is_some()) {
                shape = merged;
            } else {
                axis += 1;
            }
        }
        if shape.is_empty() {
            shape.push(1);
        }
        for input in &mut pointwise.inputs {
            if let Some(strides) = restride(&pointwise.shape, &input.strides, &shape) {
                input.strides = strides;
            }
        }
        pointwise.shape = shape;
    }
    kernel
}

//! Strided views: what reshape, transpose, slice, split and expand are, without moving an element.

use crate::graph::{Graph, Node, Source, ValueId};

/// A tensor seen inside another: element `i` lies at `offset + Σ i[k] · strides[k]` of `value`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) value: ValueId,
    pub(super) offset: usize,
    /// One per axis of the tensor seen; 0 where it broadcasts or has one element.
    pub(super) strides: Vec<usize>,
}

/// Looks up chains of reshapes, transposes, slices and expansions.
pub(super) struct Views<'a> {
    graph: &'a Graph,
    /// Values that a fused step makes: what stands before them is not computed.
    pub(super) made: Vec<ValueId>,
}

impl<'a> Views<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self { graph, made: Vec::new() }
    }

    /// The value as a view of the first tensor up its chain.
    pub(super) fn of(&self, value: ValueId) -> View {
        self.step(value).unwrap_or_else(|| self.whole(value, value))
    }

    /// A packed tensor in the shape of `value`.
    fn whole(&self, from: ValueId, value: ValueId) -> View {
        View { value: from, offset: 0, strides: contiguous(&self.graph.descriptor(value).shape) }
    }

    /// The view that a node's operator gives of its operand; nothing for operators that compute.
    fn step(&self, value: ValueId) -> Option<View> {
        if self.made.contains(&value) {
            return None;
        }
        let graph = self.graph;
        let node = producer(graph, value)?;
        let call = graph.call(node);
        let shape = &graph.descriptor(value).shape;
        let operand = node.operands().next()?;
        let operand_shape = &graph.descriptor(operand).shape;
        let data_type = graph.descriptor(value).data_type;
        let same_type = graph.descriptor(operand).data_type == data_type;
        // Elements of half a byte have no strides; a reshape needs none.
        if data_type.bits() < 8 && matches!(node.operator.name, "transpose" | "expand" | "slice" | "split") {
            return None;
        }
        if !matches!(node.operator.name, "identity" | "cast" | "reshape" | "transpose" | "expand" | "slice" | "split") || !same_type {
            return None;
        }
        let mut inner = self.of(operand);
        match node.operator.name {
            "reshape" => match restride(operand_shape, &inner.strides, shape) {
                Some(strides) => inner.strides = strides,
                None => inner = self.whole(operand, value),
            },
            "transpose" => {
                let permutation = crate::ops::transpose::permutation(&call);
                inner.strides = permutation.iter().map(|&axis| inner.strides[axis]).collect();
            }
            "expand" => inner.strides = broadcast(operand_shape, &inner.strides, shape),
            "slice" => {
                let starts = call.ints("starts");
                inner.offset += starts.iter().zip(&inner.strides).map(|(start, stride)| start * stride).sum::<usize>();
                if let Some(steps) = call.optional_ints("strides") {
                    inner.strides.iter_mut().zip(steps).for_each(|(stride, step)| *stride *= step);
                }
                zero_units(shape, &mut inner.strides);
            }
            "split" => {
                let axis = call.int("axis");
                let before = node.outputs.iter().take_while(|output| **output != value);
                let start: usize = before.map(|output| graph.descriptor(*output).shape[axis]).sum();
                inner.offset += start * inner.strides[axis];
                zero_units(shape, &mut inner.strides);
            }
            _ => {}
        }
        Some(inner)
    }
}

/// The node that makes a value, if one does.
pub(super) fn producer(graph: &Graph, value: ValueId) -> Option<&Node> {
    match graph.value(value).source {
        Source::Node(node, _) => Some(&graph.nodes()[node.0 as usize]),
        _ => None,
    }
}

/// Strides of a packed tensor; 0 for axes of size 1.
pub(super) fn contiguous(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for (axis, &size) in shape.iter().enumerate().rev() {
        strides[axis] = if size == 1 { 0 } else { stride };
        stride *= size;
    }
    strides
}

/// Strides of a tensor stretched to `shape`: aligned at the last axis, 0 where it broadcasts.
pub(crate) fn broadcast(from: &[usize], strides: &[usize], shape: &[usize]) -> Vec<usize> {
    let missing = shape.len() - from.len();
    let stride = |axis: usize| if from[axis] == 1 { 0 } else { strides[axis] };
    (0..shape.len()).map(|axis| axis.checked_sub(missing).map_or(0, stride)).collect()
}

/// Strides of the same elements in another shape, where strides can express it.
pub(super) fn restride(shape: &[usize], strides: &[usize], new_shape: &[usize]) -> Option<Vec<usize>> {
    let old: Vec<(usize, usize)> = shape.iter().copied().zip(strides.iter().copied()).filter(|(size, _)| *size != 1).collect();
    let mut result = vec![0; new_shape.len()];
    let (mut from, mut to) = (0, 0);
    while from < old.len() {
        // The smallest groups of old and new axes that hold equally many elements.
        let (mut old_end, mut new_end) = (from + 1, to + 1);
        let (mut old_count, mut new_count) = (old[from].0, *new_shape.get(to)?);
        while old_count != new_count {
            if new_count < old_count {
                new_count *= new_shape.get(new_end)?;
                new_end += 1;
            } else {
                old_count *= old.get(old_end)?.0;
                old_end += 1;
            }
        }
        if !old[from..old_end].windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0) {
            return None;
        }
        let mut stride = old[old_end - 1].1;
        for axis in (to..new_end).rev() {
            result[axis] = if new_shape[axis] == 1 { 0 } else { stride };
            stride *= new_shape[axis];
        }
        (from, to) = (old_end, new_end);
    }
    Some(result)
}

fn zero_units(shape: &[usize], strides: &mut [usize]) {
    shape.iter().zip(strides).filter(|(size, _)| **size == 1).for_each(|(_, stride)| *stride = 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `restride` gives strides, they lead every index to the element that a reshape gives it.
    #[test]
    fn restride_agrees_with_enumeration() {
        fn offsets(shape: &[usize], strides: &[usize]) -> Vec<usize> {
            let mut offsets = vec![0];
            for (size, stride) in shape.iter().zip(strides) {
                offsets = offsets.iter().flat_map(|offset| (0..*size).map(move |index| offset + index * stride)).collect();
            }
            offsets
        }
        type Case = (&'static [usize], &'static [usize], &'static [usize], bool);
        let cases: [Case; 9] = [
            (&[2, 3, 8], &[24, 8, 1], &[2, 3, 2, 4], true),
            (&[2, 3, 2, 4], &[24, 8, 4, 1], &[6, 8], true),
            (&[2, 3, 8], &[48, 16, 1], &[2, 3, 2, 4], true),
            (&[2, 3, 8], &[48, 16, 1], &[2, 24], false),
            (&[4, 6], &[1, 4], &[24], false),
            (&[4, 6], &[1, 4], &[2, 2, 1, 3, 2], true),
            (&[3, 5], &[0, 1], &[1, 3, 1, 5, 1], true),
            (&[1, 1], &[0, 0], &[], true),
            (&[4, 3], &[0, 0], &[12], true),
        ];
        for (shape, strides, new_shape, possible) in cases {
            let result = restride(shape, strides, new_shape);
            assert_eq!(result.is_some(), possible, "{shape:?} {strides:?} -> {new_shape:?}");
            if let Some(result) = result {
                assert_eq!(offsets(shape, strides), offsets(new_shape, &result), "{shape:?} {strides:?} -> {new_shape:?}");
            }
        }
    }
}

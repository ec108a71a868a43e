//! Finds scaled dot-product attention as graphs spell it: matmul, scale, mask, softmax, matmul, transpose.

use super::draft::Draft;
use super::view::{View, Views, broadcast, contiguous, producer};
use super::{Attention, HeadsView};
use crate::graph::{Graph, Node, NodeId, Source, ValueId};

/// The attentions of a graph, and which nodes they do away with, both by node: an attention stands at the one whose output it makes.
pub(super) struct Found<'a> {
    pub(super) attentions: Vec<Option<Attention>>,
    pub(super) absorbed: Vec<bool>,
    /// Views that end at the outputs of the attentions.
    pub(super) views: Views<'a>,
}

/// Every attention whose intermediate values nothing else reads.
pub(super) fn find<'a>(graph: &'a Graph, draft: &Draft) -> Found<'a> {
    let mut finder = Finder { graph, draft, views: Views::new(graph), readers: readers(graph) };
    let count = graph.nodes().len();
    let (mut attentions, mut absorbed) = (vec![None; count], vec![false; count]);
    for (index, node) in graph.nodes().iter().enumerate() {
        if let Some((attention, nodes)) = finder.attention(node) {
            attentions[index] = Some(attention);
            nodes.iter().for_each(|node| absorbed[node.0 as usize] = true);
            finder.views.made.extend(&node.outputs);
        }
    }
    Found { attentions, absorbed, views: finder.views }
}

/// By value: how often nodes and the caller read it.
fn readers(graph: &Graph) -> Vec<usize> {
    let mut readers = vec![0; graph.values().len()];
    let reads = graph.nodes().iter().flat_map(Node::operands).chain(graph.outputs().iter().map(|(_, value)| *value));
    reads.for_each(|value| readers[value.0 as usize] += 1);
    readers
}

struct Finder<'a, 'd> {
    graph: &'a Graph,
    draft: &'d Draft,
    views: Views<'a>,
    readers: Vec<usize>,
}

impl<'a> Finder<'a, '_> {
    /// The attention that ends in this transpose, and the nodes before it that only serve it.
    fn attention(&self, end: &Node) -> Option<(Attention, Vec<NodeId>)> {
        if end.operator.name != "transpose" || crate::ops::transpose::permutation(&self.graph.call(end)) != [0, 2, 1, 3] {
            return None;
        }
        let mut absorbed = Vec::new();
        let [probabilities, values] = self.private(end.operands().next()?, "matmul", &mut absorbed)?;
        let softmax = self.private_node(probabilities, "softmax", &mut absorbed)?;
        if self.graph.call(softmax).int("axis") != 3 {
            return None;
        }
        let mut scores = softmax.operands().next()?;
        let shape: [usize; 4] = self.graph.descriptor(scores).shape.as_slice().try_into().ok()?;
        let mut mask = None;
        if let Some(operands) = self.private::<2>(scores, "add", &mut absorbed) {
            // The products have the full shape; where both operands have it, they are the one that a matmul leads to.
            let products = operands.into_iter().find(|operand| self.leads_to_matmul(*operand))?;
            let other = if products == operands[0] { operands[1] } else { operands[0] };
            mask = Some(self.mask(other, &shape)?);
            scores = products;
        }
        let mut scale = 1.0;
        if let Some((operand, factor)) = self.scaled(scores) {
            if !self.is_private(scores) {
                return None;
            }
            absorbed.push(self.node_id(scores)?);
            (scores, scale) = (operand, factor);
        }
        let [query, keys] = self.private(scores, "matmul", &mut absorbed)?;
        let [batch, heads, query_length, key_length] = shape;
        let (query_view, query_scale) = self.heads(query, [0, 1, 2, 3])?;
        let (key_view, key_scale) = self.heads(keys, [0, 1, 3, 2])?;
        let (value_view, value_scale) = self.heads(values, [0, 1, 2, 3])?;
        let (query_shape, value_shape) = (&self.graph.descriptor(query).shape, &self.graph.descriptor(values).shape);
        if value_scale != 1.0 || query_shape[..2] != shape[..2] || value_shape[..2] != shape[..2] {
            return None;
        }
        let key_shape = &self.graph.descriptor(keys).shape;
        if key_shape[..2] != shape[..2] {
            return None;
        }
        let attention = Attention {
            batch,
            heads,
            query_length,
            key_length,
            head_size: query_shape[3],
            value_size: value_shape[3],
            query: query_view,
            key: key_view,
            value: value_view,
            mask,
            scale: scale * query_scale * key_scale,
        };
        Some((attention, absorbed))
    }

    /// The operands of the node that makes `value`, where it is this operator and nothing else reads the value.
    fn private<const N: usize>(&self, value: ValueId, operator: &str, absorbed: &mut Vec<NodeId>) -> Option<[ValueId; N]> {
        let node = self.private_node(value, operator, absorbed)?;
        node.operands().collect::<Vec<_>>().try_into().ok()
    }

    fn private_node(&self, value: ValueId, operator: &str, absorbed: &mut Vec<NodeId>) -> Option<&'a Node> {
        let node = producer(self.graph, value).filter(|node| node.operator.name == operator && self.is_private(value))?;
        absorbed.push(self.node_id(value)?);
        Some(node)
    }

    fn is_private(&self, value: ValueId) -> bool {
        self.readers[value.0 as usize] == 1
    }

    fn node_id(&self, value: ValueId) -> Option<NodeId> {
        match self.graph.value(value).source {
            Source::Node(node, _) => Some(node),
            _ => None,
        }
    }

    fn leads_to_matmul(&self, value: ValueId) -> bool {
        let value = self.scaled(value).map_or(value, |(operand, _)| operand);
        producer(self.graph, value).is_some_and(|node| node.operator.name == "matmul")
    }

    /// Operand and factor, where the value is a product with, or quotient by, a constant number.
    fn scaled(&self, value: ValueId) -> Option<(ValueId, f64)> {
        let node = producer(self.graph, value)?;
        let operands: Vec<_> = node.operands().collect();
        let scalar = |index: usize| self.draft.scalar(*operands.get(index)?);
        let (index, factor) = match node.operator.name {
            "mul" => scalar(1).map(|factor| (0, factor)).or_else(|| scalar(0).map(|factor| (1, factor)))?,
            "div" => (0, 1.0 / scalar(1)?),
            _ => return None,
        };
        let operand = operands[index];
        (self.graph.descriptor(operand).shape == self.graph.descriptor(value).shape).then_some((operand, factor))
    }

    /// A mask as a value and strides over `shape`.
    fn mask(&self, value: ValueId, shape: &[usize; 4]) -> Option<(ValueId, [usize; 4])> {
        let descriptor = self.graph.descriptor(value);
        let view = self.views.of(value);
        let (value, strides) = match view.offset {
            0 => (view.value, view.strides),
            _ => (value, contiguous(&descriptor.shape)),
        };
        Some((value, broadcast(&descriptor.shape, &strides, shape).try_into().ok()?))
    }

    /// The heads of query, keys or values, and the factor they are scaled by: `axes` of `value` are batch, heads, position, element.
    fn heads(&self, value: ValueId, axes: [usize; 4]) -> Option<(HeadsView, f64)> {
        let descriptor = self.graph.descriptor(value);
        if descriptor.rank() != 4 {
            return None;
        }
        let mut view = self.views.of(value);
        let mut factor = 1.0;
        if let Some((operand, scale)) = self.scaled(view.value) {
            let inner = self.views.of(operand);
            let base = self.graph.descriptor(operand);
            if inner == (View { value: inner.value, offset: 0, strides: contiguous(&base.shape) }) {
                view.value = inner.value;
                factor = scale;
            }
        }
        let [batch_stride, head_stride, row_stride, element_stride] = axes.map(|axis| view.strides[axis]);
        if element_stride != 1 && descriptor.shape[axes[3]] != 1 {
            return None;
        }
        Some((HeadsView { value: view.value, offset: view.offset, batch_stride, row_stride, head_stride }, factor))
    }
}

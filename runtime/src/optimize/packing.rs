//! Makes one product of those that read one input and that only attention reads: query, key and value.

use super::draft::{Draft, Origin};
use super::{Attention, HeadsView, Kernel, Linear, PackedConstant, Part, Step};
use crate::graph::{OperandDescriptor, ValueId};

/// Merges the products behind every attention.
pub(super) fn merge_products(draft: &mut Draft) {
    for index in 0..draft.step_count() {
        let Some(Step { kernel: Kernel::Attention(attention), .. }) = draft.step(index) else { continue };
        let attention = attention.clone();
        let products: Vec<Product> = [attention.query, attention.key, attention.value]
            .iter()
            .enumerate()
            .filter_map(|(role, view)| product(draft, index, role, view))
            .collect();
        // The groups of products with one input: all three of self-attention, keys and values of cross-attention.
        for first in 0..products.len() {
            let group: Vec<&Product> = products.iter().filter(|other| joins(draft, &products[first].linear, &other.linear)).collect();
            if group.len() > 1 && group[0].maker == products[first].maker {
                merge(draft, index, &group);
            }
        }
    }
}

/// A product that an attention reads as its query (0), key (1) or value (2).
struct Product {
    role: usize,
    maker: usize,
    linear: Linear,
    view: HeadsView,
}

/// The product behind a view, where the attention alone reads it, its matrix and bias are constants, and the view keeps to its rows.
fn product(draft: &Draft, reader: usize, role: usize, view: &HeadsView) -> Option<Product> {
    let maker = draft.private_maker(view.value, reader)?;
    let Kernel::Linear(linear) = &draft.step(maker)?.kernel else { return None };
    let constants = draft.constant(linear.weight).is_some() && linear.bias.is_none_or(|bias| draft.constant(bias).is_some());
    let plain = linear.transposed && linear.activation.is_none() && linear.residual.is_none();
    let by_rows = view.batch_stride.is_multiple_of(linear.columns) && view.row_stride.is_multiple_of(linear.columns);
    let within = view.head_stride < linear.columns;
    (constants && plain && by_rows && within).then(|| Product { role, maker, linear: linear.clone(), view: *view })
}

fn joins(draft: &Draft, first: &Linear, other: &Linear) -> bool {
    draft.root(first.input) == draft.root(other.input) && (first.rows, first.inner) == (other.rows, other.inner)
}

fn merge(draft: &mut Draft, reader: usize, group: &[&Product]) {
    let mut makers: Vec<usize> = group.iter().map(|product| product.maker).collect();
    makers.sort_unstable();
    makers.dedup();
    if makers.len() != group.len() {
        return;
    }
    let first = &group[0].linear;
    let columns = group.iter().map(|product| product.linear.columns).sum();
    let data_type = draft.descriptor(first.input).data_type;
    let weights = group.iter().flat_map(|product| {
        let matrix = OperandDescriptor { data_type, shape: vec![product.linear.columns, product.linear.inner] };
        parts(draft, product.linear.weight, matrix)
    });
    let weight = PackedConstant::rows(weights.collect());
    let biases = group.iter().flat_map(|product| {
        let descriptor = OperandDescriptor { data_type, shape: vec![product.linear.columns] };
        match product.linear.bias {
            Some(bias) => parts(draft, bias, descriptor),
            None => vec![Part::Zeros { descriptor }],
        }
    });
    let bias = group.iter().any(|product| product.linear.bias.is_some()).then(|| PackedConstant::rows(biases.collect()));
    let mut add = |constant: PackedConstant| draft.add_value(constant.descriptor.clone(), Origin::Constant(constant));
    let weight = add(weight);
    let bias = bias.map(add);
    let output = draft.add_value(OperandDescriptor { data_type, shape: vec![first.rows, columns] }, Origin::Step);
    let linear = Linear { columns, weight, bias, ..first.clone() };
    let label = makers.iter().filter_map(|maker| draft.take(*maker)).map(|step| step.label).collect::<Vec<_>>().join(" | ");
    draft.put(makers[0], Step { kernel: Kernel::Linear(linear), outputs: vec![output], label });

    let mut step = draft.take(reader).expect("the attention");
    if let Kernel::Attention(attention) = &mut step.kernel {
        let mut offset = 0;
        for product in group {
            *role(attention, product.role) = within(&product.view, product.linear.columns, output, columns, offset);
            offset += product.linear.columns;
        }
    }
    draft.put(reader, step);
}

fn role(attention: &mut Attention, role: usize) -> &mut HeadsView {
    match role {
        0 => &mut attention.query,
        1 => &mut attention.key,
        _ => &mut attention.value,
    }
}

/// The view of a tensor of `columns`, when that is columns `start..` of a wider one.
fn within(view: &HeadsView, columns: usize, value: ValueId, wide: usize, start: usize) -> HeadsView {
    let widen = |stride: usize| stride / columns * wide;
    HeadsView {
        value,
        offset: widen(view.offset) + view.offset % columns + start,
        batch_stride: widen(view.batch_stride),
        row_stride: widen(view.row_stride),
        head_stride: view.head_stride,
    }
}

/// The parts of a constant; a single one takes the shape asked for, as a reshape may stand before it.
fn parts(draft: &Draft, value: ValueId, shape: OperandDescriptor) -> Vec<Part> {
    match draft.constant(value).map(|constant| constant.parts.as_slice()) {
        Some([Part::Weight { name, .. }]) => vec![Part::Weight { name: name.clone(), descriptor: shape }],
        Some([Part::Bytes { bytes, .. }]) => vec![Part::Bytes { bytes: bytes.clone(), descriptor: shape }],
        Some(parts) => parts.to_vec(),
        None => vec![],
    }
}

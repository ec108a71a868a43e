//! Makes one product of those that read one input and whose outputs are read through views: query, key and value; gate and rise.

use super::draft::{Draft, Origin};
use super::{Attention, HeadsView, Kernel, Linear, PackedConstant, Part, PointwiseInput, Step};
use crate::graph::{OperandDescriptor, ValueId};

/// Steps between the first and the last product of a group, at most: outputs that wait for a later layer cost memory.
const REACH: usize = 6;

/// Merges products until none are left to merge.
pub(super) fn merge_products(draft: &mut Draft) {
    let mut first = 0;
    while first < draft.step_count() {
        let group = match product(draft, first) {
            Some(product) => group(draft, product),
            None => Vec::new(),
        };
        if group.len() > 1 {
            merge(draft, &group);
        } else {
            first += 1;
        }
    }
}

/// A product whose output one step alone reads, through a view that a wider output can serve as well.
struct Product {
    maker: usize,
    linear: Linear,
    /// What it makes.
    value: ValueId,
    reader: usize,
}

/// A product and those after it that read what it reads.
fn group(draft: &Draft, first: Product) -> Vec<Product> {
    let near = (first.maker + 1..draft.step_count()).filter(|index| draft.step(*index).is_some()).take(REACH);
    let others: Vec<Product> =
        near.filter_map(|index| product(draft, index)).filter(|other| joins(draft, &first.linear, &other.linear)).collect();
    std::iter::once(first).chain(others).collect()
}

/// The product of a step, where its matrix and bias are constants and its reader keeps to its rows.
fn product(draft: &Draft, maker: usize) -> Option<Product> {
    let Step { kernel: Kernel::Linear(linear), outputs, .. } = draft.step(maker)? else { return None };
    let constants = draft.constant(linear.weight).is_some() && linear.bias.is_none_or(|bias| draft.constant(bias).is_some());
    let plain = linear.transposed && linear.activation.is_none() && linear.residual.is_none();
    let (value, columns) = (outputs[0], linear.columns);
    let reader = draft.only_reader(value)?;
    let same = |other: ValueId| draft.root(other) == draft.root(value);
    let served = match &draft.step(reader)?.kernel {
        Kernel::Attention(attention) => {
            let views = [&attention.query, &attention.key, &attention.value];
            let mask = attention.mask.is_some_and(|(mask, _)| same(mask));
            !mask && views.iter().filter(|view| same(view.value)).all(|view| keeps_to_rows(view, columns))
        }
        Kernel::Pointwise(pointwise) => {
            pointwise.inputs.iter().filter(|input| same(input.value)).all(|input| input_keeps_to_rows(input, &pointwise.shape, columns))
        }
        _ => false,
    };
    (constants && plain && served && columns > 0).then(|| Product { maker, linear: linear.clone(), value, reader })
}

fn keeps_to_rows(view: &HeadsView, columns: usize) -> bool {
    view.batch_stride.is_multiple_of(columns) && view.row_stride.is_multiple_of(columns) && view.head_stride < columns
}

/// True where every axis walks either whole rows or columns of one row.
fn input_keeps_to_rows(input: &PointwiseInput, shape: &[usize], columns: usize) -> bool {
    let within = input.strides.iter().zip(shape).filter(|(stride, _)| !stride.is_multiple_of(columns));
    let last = within.map(|(stride, size)| stride * size.saturating_sub(1)).sum::<usize>() + input.offset % columns;
    last < columns
}

fn joins(draft: &Draft, first: &Linear, other: &Linear) -> bool {
    draft.root(first.input) == draft.root(other.input) && (first.rows, first.inner) == (other.rows, other.inner)
}

fn merge(draft: &mut Draft, group: &[Product]) {
    let makers: Vec<usize> = group.iter().map(|product| product.maker).collect();
    let first = &group[0].linear;
    let wide = group.iter().map(|product| product.linear.columns).sum();
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
    let output = draft.add_value(OperandDescriptor { data_type, shape: vec![first.rows, wide] }, Origin::Step);
    let linear = Linear { columns: wide, weight, bias, ..first.clone() };
    let label = makers.iter().filter_map(|maker| draft.take(*maker)).map(|step| step.label).collect::<Vec<_>>().join(" | ");
    draft.put(makers[0], Step { kernel: Kernel::Linear(linear), outputs: vec![output], label });

    let mut offset = 0;
    for product in group {
        let columns = product.linear.columns;
        let mut step = draft.take(product.reader).expect("the reader of a product");
        let same = |other: ValueId, draft: &Draft| draft.root(other) == draft.root(product.value);
        let place = Columns { of: columns, value: output, wide, start: offset };
        match &mut step.kernel {
            Kernel::Attention(Attention { query, key, value, .. }) => {
                [query, key, value].into_iter().filter(|view| same(view.value, draft)).for_each(|view| *view = place.view(view));
            }
            Kernel::Pointwise(pointwise) => {
                pointwise.inputs.iter_mut().filter(|input| same(input.value, draft)).for_each(|input| *input = place.input(input));
            }
            _ => {}
        }
        draft.put(product.reader, step);
        offset += columns;
    }
}

/// Columns `start..start + of` of a tensor of `wide` columns.
struct Columns {
    of: usize,
    value: ValueId,
    wide: usize,
    start: usize,
}

impl Columns {
    fn widen(&self, stride: usize) -> usize {
        stride / self.of * self.wide
    }

    fn offset(&self, offset: usize) -> usize {
        self.widen(offset) + offset % self.of + self.start
    }

    fn view(&self, view: &HeadsView) -> HeadsView {
        HeadsView {
            value: self.value,
            offset: self.offset(view.offset),
            batch_stride: self.widen(view.batch_stride),
            row_stride: self.widen(view.row_stride),
            head_stride: view.head_stride,
        }
    }

    fn input(&self, input: &PointwiseInput) -> PointwiseInput {
        let stride = |stride: &usize| if stride.is_multiple_of(self.of) { self.widen(*stride) } else { *stride };
        PointwiseInput { value: self.value, offset: self.offset(input.offset), strides: input.strides.iter().map(stride).collect() }
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

//! Scaled dot-product attention in float32: heads and groups of queries in parallel.

use std::cell::RefCell;

use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::shared::Blocks;
use super::{math, vector};
use crate::graph::ValueId;
use crate::optimize::{Attention, HeadsView};

/// Queries of one task: their scores stay in the cache.
const QUERIES: usize = 64;
/// Queries that are not worth packing keys and values for.
const FEW: usize = 4;

thread_local! {
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    static CONTEXT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// True where every head lies inside its tensor and the mask inside its own.
pub(super) fn fits(attention: &Attention, elements: impl Fn(ValueId) -> usize) -> bool {
    let view = |view: &HeadsView, length: usize, size: usize| {
        let last = [(attention.batch, view.batch_stride), (length, view.row_stride), (attention.heads, view.head_stride), (size, 1)];
        let end: usize = last.iter().map(|(count, stride)| count.saturating_sub(1) * stride).sum();
        view.offset + end < elements(view.value)
    };
    let shape = [attention.batch, attention.heads, attention.query_length, attention.key_length];
    let mask = attention.mask.is_none_or(|(value, strides)| {
        let end: usize = shape.iter().zip(strides).map(|(count, stride)| count.saturating_sub(1) * stride).sum();
        end < elements(value)
    });
    view(&attention.query, attention.query_length, attention.head_size)
        && view(&attention.key, attention.key_length, attention.head_size)
        && view(&attention.value, attention.key_length, attention.value_size)
        && mask
}

/// Computes all heads into `output`, `[batch, query_length, heads, value_size]`.
pub(super) fn run(attention: &Attention, [query, key, value]: [&[f32]; 3], mask: Option<&[f32]>, output: &mut [f32]) {
    let a = attention;
    let groups = a.query_length.div_ceil(QUERIES);
    let columns = a.heads * a.value_size;
    let blocks = Blocks::new(output, columns);
    (0..a.batch * a.heads * groups).into_par_iter().for_each(|task| {
        let (batch, head, group) = (task / groups / a.heads, task / groups % a.heads, task % groups);
        let first = group * QUERIES;
        let count = QUERIES.min(a.query_length - first);
        let few = count <= FEW;
        let part = |data: &'_ [f32], view: &HeadsView, row: usize| -> usize {
            let start = view.offset + batch * view.batch_stride + head * view.head_stride + row * view.row_stride;
            start.min(data.len())
        };
        let queries = Matrix { data: &query[part(query, &a.query, first)..], row_stride: a.query.row_stride, column_stride: 1 };
        let keys = Matrix { data: &key[part(key, &a.key, 0)..], row_stride: 1, column_stride: a.key.row_stride };
        let values = Matrix { data: &value[part(value, &a.value, 0)..], row_stride: a.value.row_stride, column_stride: 1 };
        SCORES.with_borrow_mut(|scores| {
            scores.resize(count * a.key_length, 0.0);
            if few {
                for (row, scores) in scores.chunks_exact_mut(a.key_length).enumerate() {
                    let query = &queries.data[row * queries.row_stride..][..a.head_size];
                    vector::dots(query, keys.data, keys.column_stride, a.scale as f32, scores);
                }
            } else {
                multiply([count, a.head_size, a.key_length], queries, keys, a.scale as f32, scores, a.key_length);
            }
            for (row, scores) in scores.chunks_exact_mut(a.key_length).enumerate() {
                if let (Some(mask), Some((_, strides))) = (mask, &a.mask) {
                    let start = batch * strides[0] + head * strides[1] + (first + row) * strides[2];
                    add_mask(scores, &mask[start..], strides[3]);
                }
                math::softmax(scores);
            }
            CONTEXT.with_borrow_mut(|context| {
                context.resize(count * a.value_size, 0.0);
                if few {
                    for (scores, context) in scores.chunks_exact(a.key_length).zip(context.chunks_exact_mut(a.value_size)) {
                        vector::sum_of_rows(scores, values.data, values.row_stride, context);
                    }
                } else {
                    let scores = Matrix { data: scores, row_stride: a.key_length, column_stride: 1 };
                    multiply([count, a.key_length, a.value_size], scores, values, 1.0, context, a.value_size);
                }
                for (row, context) in context.chunks_exact(a.value_size).enumerate() {
                    let row = batch * a.query_length + first + row;
                    // SAFETY: each task has its own rows of its own head, and holds one segment at a time.
                    #[allow(unsafe_code)]
                    let segment = unsafe { blocks.segment(row, head * a.value_size, a.value_size) };
                    segment.copy_from_slice(context);
                }
            });
        });
    });
}

fn add_mask(scores: &mut [f32], mask: &[f32], stride: usize) {
    match stride {
        1 => math::add(scores, mask),
        _ => scores.iter_mut().enumerate().for_each(|(key, score)| *score += mask[key * stride]),
    }
}

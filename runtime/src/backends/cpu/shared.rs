//! A matrix that several threads fill, each its own block of columns.
//!
//! `unsafe` because a block of columns is no slice, so the borrow checker cannot see that blocks are disjoint.
#![allow(unsafe_code)]

use std::marker::PhantomData;

/// A row-major matrix to fill block by block.
pub(super) struct Blocks<'a> {
    data: *mut f32,
    rows: usize,
    columns: usize,
    _lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from a unique borrow that lives as long as `Blocks`; `segment` makes its callers keep to disjoint parts.
unsafe impl Sync for Blocks<'_> {}

impl<'a> Blocks<'a> {
    /// A matrix of so many columns.
    pub(super) fn new(data: &'a mut [f32], columns: usize) -> Self {
        Self { rows: data.len() / columns.max(1), columns, data: data.as_mut_ptr(), _lifetime: PhantomData }
    }

    /// Columns `start..start + length` of a row. Panics outside the matrix.
    ///
    /// # Safety
    /// No element may be in two segments that are alive at once.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn segment(&self, row: usize, start: usize, length: usize) -> &mut [f32] {
        assert!(row < self.rows && start + length <= self.columns, "row {row}, columns {start}..{}", start + length);
        // SAFETY: the segment lies within the borrow, as just checked, and by the caller's word nobody else holds any of it.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.columns + start), length) }
    }
}

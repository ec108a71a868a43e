//! Lines and columns of many places, each text read once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{SourceText, Span};

/// Where a place begins and ends: lines and columns from 1, columns in characters, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Position {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// The first byte of every line of the texts seen so far.
#[derive(Debug, Default)]
pub struct Lines(HashMap<*const SourceText, Arc<Vec<usize>>>);

impl Lines {
    /// The lines' first bytes.
    pub(super) fn starts(&mut self, source: &Arc<SourceText>) -> Arc<Vec<usize>> {
        let starts = self.0.entry(Arc::as_ptr(source)).or_insert_with(|| {
            let newlines = source.text.match_indices('\n').map(|(index, _)| index + 1);
            Arc::new(std::iter::once(0).chain(newlines).collect())
        });
        Arc::clone(starts)
    }

    /// Where a span begins and ends.
    pub fn position(&mut self, span: &Span) -> Position {
        let starts = self.starts(&span.source);
        let place = |offset: usize| {
            let line = line_of(&starts, offset);
            let before = span.source.text.get(starts[line]..offset).unwrap_or_default();
            (line + 1, before.chars().count() + 1)
        };
        let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
        Position { line, column, end_line, end_column }
    }
}

/// The line, from 0, that holds a byte.
pub(super) fn line_of(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|&start| start <= offset).saturating_sub(1)
}

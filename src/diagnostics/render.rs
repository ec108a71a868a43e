//! How diagnostics are shown: for people through miette, for programs as JSON.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde_json::{Value, json};

use super::lines::{Lines, Position, line_of};
use super::{Diagnostic, Span};

/// Diagnostics printed for people; the JSON form has all, however many.
const MOST: usize = 1_000;
const WIDTH: usize = 120;
/// Bytes of a line that is shown whole, with its neighbours.
const LONGEST_LINE: usize = 240;

/// All of a sorted list with the YAML underlined, and a last line that counts them.
pub fn human(list: &[Diagnostic], colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false).with_context_lines(1);
    let mut lines = Lines::default();
    let mut text = String::new();
    for diagnostic in list.iter().take(MOST) {
        let source = diagnostic.span.as_ref().map(|span| Numbered::new(span, &mut lines));
        // Writing to a String cannot fail, and `Numbered` clamps every span into its text.
        let _ = handler.render_report(&mut text, &Report { diagnostic, source });
        text.push('\n');
    }
    if list.len() > MOST {
        text.push_str(&format!("… and {} more; `--json` prints all\n", list.len() - MOST));
    }
    let files: BTreeSet<_> = list.iter().filter_map(|one| one.span.as_ref()).map(|span| &span.source.name).collect();
    let places = match files.len() {
        0 => String::new(),
        1 => " in 1 file".to_owned(),
        count => format!(" in {count} files"),
    };
    let noun = if list.len() == 1 { "error" } else { "errors" };
    text.push_str(&format!("{} {noun}{places}\n", list.len()));
    text
}

/// All of a sorted list as JSON objects.
pub fn rows(list: &[Diagnostic]) -> Vec<Value> {
    let mut lines = Lines::default();
    let row = |one: &Diagnostic| {
        let mut row = json!({ "code": one.code.id(), "title": one.code.title(), "message": one.message, "help": one.help });
        if let Some(span) = &one.span {
            let Position { line, column, end_line, end_column } = lines.position(span);
            row["place"] = json!({
                "file": span.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column,
            });
        }
        row
    };
    list.iter().map(row).collect()
}

struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<Numbered<'a>>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let code = self.diagnostic.code;
        Some(Box::new(format!("{} {}", code.id(), code.title())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(match &self.diagnostic.help {
            Some(help) => Box::new(help),
            None => Box::new(format!("`gen explain {}` tells its cause and cure", self.diagnostic.code.id())),
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let source = self.source.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, source.underlined()))))
    }
}

/// A text whose lines are known, so that a thousand diagnostics do not read it a thousand times.
struct Numbered<'a> {
    span: &'a Span,
    starts: Arc<Vec<usize>>,
}

impl<'a> Numbered<'a> {
    fn new(span: &'a Span, lines: &mut Lines) -> Self {
        Self { span, starts: lines.starts(&span.source) }
    }

    /// The first line of the span: a mapping of a hundred lines is not underlined whole.
    fn underlined(&self) -> SourceSpan {
        let text = &self.span.source.text;
        let start = self.span.start.min(text.len());
        let end = self.span.end.clamp(start, text.len());
        let line = text.get(start..end).unwrap_or_default();
        let length = line.find('\n').unwrap_or(line.len()).min(text.floor_char_boundary(start + LONGEST_LINE) - start);
        SourceSpan::new(start.into(), length)
    }

    fn line_of(&self, offset: usize) -> usize {
        line_of(&self.starts, offset)
    }
}

impl SourceCode for Numbered<'_> {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = &self.span.source.text;
        let (start, end) = (span.offset().min(text.len()), (span.offset() + span.len()).min(text.len()));
        let line = self.line_of(start);
        let line_start = self.starts[line];
        let (mut first, mut last) = (line.saturating_sub(before), (self.line_of(end) + after + 1).min(self.starts.len()));
        let mut bytes = self.starts[first]..self.starts.get(last).copied().unwrap_or(text.len());
        if before == 0 || text[bytes.clone()].lines().any(|line| line.len() > LONGEST_LINE) {
            (first, last) = (line, line + 1);
            let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
            let margin = if before == 0 { 0 } else { LONGEST_LINE / 3 };
            let left = text.floor_char_boundary(start.saturating_sub(margin)).max(line_start);
            bytes = left..text.ceil_char_boundary(end.min(start + LONGEST_LINE) + margin).clamp(start, line_end);
        }
        let column = text[line_start.min(bytes.start)..bytes.start].chars().count();
        let place = SourceSpan::new(bytes.start.into(), bytes.len());
        let name = self.span.source.name.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, &text.as_bytes()[bytes], place, first, column, last - first)))
    }
}

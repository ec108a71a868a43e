//! A file under validation: its text, its header, its syntax tree; read once for all rules.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proc_macro2::Span as TokenSpan;
use walkdir::WalkDir;

use crate::diagnostics::{Code, Diagnostics, SourceText, Span};
use crate::header::Header;

/// Bytes that a file may have.
const MAX_BYTES: u64 = 4 << 20;

/// A file under validation.
#[derive(Debug)]
pub struct Subject {
    /// Where it lies.
    pub path: PathBuf,
    /// Its text, named as messages show it.
    pub source: Arc<SourceText>,
    pub(super) header: Option<Header>,
    pub(super) syntax: Result<syn::File, syn::Error>,
}

impl Subject {
    fn new(path: PathBuf, text: String) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let shown = path.strip_prefix(&here).unwrap_or(&path);
        let name = shown.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        let name = name.strip_prefix("./").unwrap_or(&name).replacen("//", "/", 1);
        let (header, syntax) = (Header::parse(&text), syn::parse_file(&text));
        Self { path, source: Arc::new(SourceText { name, text }), header, syntax }
    }

    /// The place of tokens.
    pub(super) fn span(&self, tokens: TokenSpan) -> Span {
        let bytes = tokens.byte_range();
        // `syn` counts from behind a byte-order mark.
        let mark = if self.source.text.starts_with('\u{feff}') { 3 } else { 0 };
        Span { source: Arc::clone(&self.source), start: bytes.start + mark, end: bytes.end + mark }
    }

    /// The place of a line, from 0.
    pub(super) fn line(&self, index: usize) -> Span {
        let text = &self.source.text;
        let start = text.split_inclusive('\n').take(index).map(str::len).sum::<usize>();
        let length = text[start..].lines().next().map_or(0, str::len);
        Span { source: Arc::clone(&self.source), start, end: start + length }
    }

    /// True for files of tests.
    pub(super) fn is_test(&self) -> bool {
        match &self.header {
            Some(header) => header.verb() == "test",
            None => self.path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "tests"),
        }
    }
}

/// The `.rs` files at and below `paths`, sorted.
///
/// **Errors** paths that are not there or cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Subject>, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for path in paths {
        let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.') || name == "target";
        for entry in WalkDir::new(path).into_iter().filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name())) {
            match entry {
                Ok(entry)
                    if entry.file_type().is_file()
                        && (entry.depth() == 0 || entry.path().extension().is_some_and(|ending| ending == "rs")) =>
                {
                    files.push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => diagnostics.add(Code::Unreadable, None, error.to_string(), None),
            }
        }
    }
    files.sort();
    files.dedup();
    let mut subjects = Vec::new();
    for path in files {
        match text(&path) {
            Ok(text) => subjects.push(Subject::new(path, text)),
            Err(reason) => diagnostics.add(Code::Unreadable, None, format!("`{}`: {reason}", path.display()), None),
        }
    }
    if diagnostics.is_empty() { Ok(subjects) } else { Err(diagnostics) }
}

fn text(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("at most {MAX_BYTES} bytes, found {length}"));
    }
    String::from_utf8(fs::read(path).map_err(|error| error.to_string())?).map_err(|error| format!("not UTF-8: {error}"))
}

//! The table of operators in `docs/operators.md`: a section per backend, generated, held against every full run of the test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use ipfs_accelerate_runtime::DataType;

use super::case::operator;
use super::{Backend, Counts, Record};

/// The document.
pub(crate) fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operators.md")
}

fn marks(backend: &str) -> [String; 2] {
    [format!("<!-- generated: {backend} -->\n"), format!("<!-- end: {backend} -->\n")]
}

/// The text of a backend's section as it stands in the document.
pub(crate) fn section<'a>(document: &'a str, backend: &str) -> Option<&'a str> {
    let [start, end] = marks(backend);
    Some(document.split_once(&start)?.1.split_once(&end)?.0)
}

/// The document with another text in a backend's section, which is appended where it is not there yet.
pub(crate) fn replace(document: &str, backend: &str, text: &str) -> String {
    let [start, end] = marks(backend);
    match document.split_once(&start).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1))) {
        Some((before, after)) => format!("{before}{start}{text}{end}{after}"),
        None => format!("{document}\n{start}{text}{end}"),
    }
}

/// A line that names the device, for sections that hold for one device alone.
pub(crate) fn device_line(backend: &Backend) -> String {
    if backend.name() == "webgpu" { format!("Adapter: {}.\n\n", backend.adapter()) } else { String::new() }
}

/// A row per operator, a column per type. A case counts under each type of its inputs and outputs.
pub(crate) fn render(backend: &Backend, records: &[Record]) -> String {
    let mut text = format!("## {}\n\n{}| operator |", backend.name(), device_line(backend));
    DataType::ALL.iter().for_each(|data_type| text += &format!(" {data_type} |"));
    text += " all |\n|---|";
    text += &"---|".repeat(DataType::ALL.len() + 1);
    text.push('\n');
    let mut rows: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    records.iter().filter(|record| !record.validation).for_each(|record| rows.entry(&record.operator).or_default().push(record));
    for (name, records) in &rows {
        let source = operator(name).and_then(|operator| operator.doc.split_once("**Source** <")?.1.split_once('>')).map(|(link, _)| link);
        let title = source.map_or_else(|| format!("{name} (graphs of several operators)"), |link| format!("[{name}]({link})"));
        let _ = write!(text, "| {title} |");
        for data_type in DataType::ALL {
            let _ = write!(text, " {} |", cell(records.iter().copied().filter(|record| record.data_types.contains(&data_type))));
        }
        let _ = writeln!(text, " {} |", cell(records.iter().copied()));
    }
    let total = |required: bool| records.iter().filter(move |record| !record.validation && (record.required || !required));
    let _ = writeln!(text, "\nAll vectors: {}. Required ones: {}.", sentence(Counts::of(total(false))), sentence(Counts::of(total(true))));
    text
}

fn cell<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    let counts = Counts::of(records);
    match (counts.total(), counts.passed) {
        (0, _) => String::new(),
        (total, passed) if total == passed => total.to_string(),
        (total, 0) if counts.unsupported == total => format!("✗ {total}"),
        (total, passed) => format!("{passed} of {total}"),
    }
}

fn sentence(counts: Counts) -> String {
    let Counts { passed, failed, expected, unsupported } = counts;
    format!("{passed} of {} passed, {failed} failed, {expected} failed as listed, {unsupported} unsupported", counts.total())
}

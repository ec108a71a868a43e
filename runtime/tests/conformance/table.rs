//! The table of operators in `docs/operators.md`: a section per backend, generated; those of native backends are held against every full run of the
//! test, those of browsers against the records of what was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ipfs_accelerate_runtime::DataType;

use super::case::operator;
use super::{Backend, Counts, Measured, Outcome, Record};

/// The document.
pub(crate) fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operators.md")
}

fn marks(backend: &str) -> [String; 2] {
    [format!("<!-- generated: {backend} -->\n"), format!("<!-- end: {backend} -->\n")]
}

/// What browsers were measured to compute, by the file's name: `browsers/<platform>.json`.
///
/// **Errors** a file that is no such record.
pub(crate) fn records() -> Result<Vec<(String, Measured)>, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/browsers");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let record = |path: &PathBuf| Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), measured(path)?));
    paths.iter().map(record).collect()
}

/// One such record.
///
/// **Errors** a file that cannot be read or is no such record.
pub(crate) fn measured(path: &Path) -> Result<Measured, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    Measured::parse(&std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?).map_err(wrong)
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

/// What a section is of.
pub(crate) struct Title {
    /// The section's mark and heading.
    pub(crate) name: String,
    /// A line that names the device, for sections that hold for one device alone.
    pub(crate) device: String,
}

impl Title {
    pub(crate) fn native(backend: &Backend) -> Self {
        let device = if backend.name() == "webgpu" { format!("Adapter: {}.\n\n", backend.adapter()) } else { String::new() };
        Self { name: backend.name().to_owned(), device }
    }

    pub(crate) fn browser(measured: &Measured) -> Self {
        let Measured { backend, adapter, date, .. } = measured;
        Self { name: format!("{backend} in a browser"), device: format!("{adapter}, {date}.\n\n") }
    }
}

/// A row per operator, a column per type, and why cases did not pass. A case counts under each type of its inputs and outputs.
pub(crate) fn render(title: &Title, records: &[Record]) -> String {
    let mut text = format!("## {}\n\n{}| operator |", title.name, title.device);
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
    let mut reasons: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for record in records {
        let (what, reason) = match &record.outcome {
            Outcome::Passed => continue,
            Outcome::Failed(reason) => ("failed", reason),
            Outcome::Expected(reason) => ("failed as listed", reason),
            Outcome::Unsupported(reason) => ("unsupported", reason),
        };
        *reasons.entry((&record.operator, what, reason)).or_default() += 1;
    }
    text += if reasons.is_empty() { "" } else { "\n" };
    for ((operator, what, reason), count) in reasons {
        let _ = writeln!(text, "- {operator}: {count} {what}: {reason}");
    }
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

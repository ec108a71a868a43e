//! Results as they are told: a table, JSON lines, Markdown. A row has what was measured and nothing else.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::measure::{Measurement, Side};
use super::{Case, RunsOn};
use crate::shell::{Result, root};

/// The rows so far.
pub(super) struct Report {
    folder: PathBuf,
    machine: Value,
    rows: Vec<Value>,
}

impl Report {
    /// Results go to a folder; those of an earlier run are removed.
    ///
    /// **Errors** a folder that cannot be made.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        for file in ["results.jsonl", "results.md"] {
            let _ = std::fs::remove_file(folder.join(file));
        }
        Ok(Self { folder, machine: machine(), rows: Vec::new() })
    }

    /// Adds a case and prints its rows.
    ///
    /// **Errors** a file that cannot be written.
    pub(super) fn add(&mut self, case: &Case<'_>, runs_on: RunsOn, mut measurement: Measurement) -> Result {
        if measurement.sides.is_empty() && measurement.skipped.is_none() && measurement.failed.is_none() {
            measurement.failed = Some("no side told of anything".into());
        }
        let first = self.rows.len();
        let base = json!({
            "model": case.family,
            "checkpoint": case.reference.name(),
            "platform": case.platform,
            "runs_on": runs_on.name(),
            "place": measurement.place,
            "machine": self.machine,
        });
        // What failed outside of the sides is a row of its own: it stands for all that they might have told.
        let outside = measurement.skipped.as_ref().map(|reason| ("skipped", reason));
        for (status, reason) in outside.into_iter().chain(measurement.failed.as_ref().map(|reason| ("failed", reason))) {
            let mut row = base.clone();
            row["engine"] = "ipfs-accelerate".into();
            row["status"] = status.into();
            row["reason"] = reason.as_str().into();
            self.rows.push(row);
        }
        let ours = measurement.sides.first().and_then(Side::warm);
        for side in &measurement.sides {
            let mut row = base.clone();
            row["engine"] = side.engine.as_str().into();
            describe(&mut row, side);
            if let (Some(ours), Some(theirs), true) = (&ours, side.warm(), side.engine != measurement.sides[0].engine) {
                row["ours_to_theirs"] = json!({
                    "p50": ours.p50_ms / theirs.p50_ms,
                    "fastest": ours.fastest_ms / theirs.fastest_ms,
                });
            }
            self.rows.push(row);
        }
        self.rows[first..].iter().for_each(|row| println!("  {}", line(row)));
        self.write("results.jsonl", &self.rows.iter().map(|row| format!("{row}\n")).collect::<String>())
    }

    /// Prints the table and the counts, and writes the Markdown.
    ///
    /// **Errors** any row that failed, and where none was measured.
    pub(super) fn finish(self) -> Result {
        let markdown = markdown(&self.rows, &self.machine);
        self.write("results.md", &markdown)?;
        println!("\n{}", table(&self.rows));
        let count = |status: &str| self.rows.iter().filter(|row| row["status"] == status).count();
        let (measured, skipped, failed) = (count("measured"), count("skipped"), count("failed"));
        println!("{measured} measured, {skipped} skipped, {failed} failed; {}/results.jsonl and results.md", self.folder.display());
        if failed > 0 {
            Err(format!("{failed} failed"))
        } else if measured == 0 {
            Err("nothing was measured".into())
        } else {
            Ok(())
        }
    }

    fn write(&self, file: &str, text: &str) -> Result {
        let path = self.folder.join(file);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Status, cold steps, warm runs and parity of a side.
fn describe(row: &mut Value, side: &Side) {
    let (status, reason) = match (&side.failed, &side.skipped, side.warm()) {
        (Some(reason), ..) => ("failed", Some(reason.clone())),
        (_, Some(reason), _) => ("skipped", Some(reason.clone())),
        (_, _, None) => ("failed", Some("it did not run after its first time".to_owned())),
        _ => ("measured", None),
    };
    row["status"] = status.into();
    if let Some(reason) = reason {
        row["reason"] = reason.into();
        return;
    }
    let start = &side.start;
    row["warm"] = json!(side.warm());
    row["cold"] = start["cold"].clone();
    row["distances"] = start["distances"].clone();
    for member in ["version", "sizes", "session"] {
        if !start[member].is_null() {
            row[member] = start[member].clone();
        }
    }
    for (member, value) in
        [("head", &start["load"]["head"]), ("device", &start["load"]["device"]), ("precision", &start["load"]["precision"])]
    {
        if !value.is_null() {
            row[member] = value.clone();
        }
    }
}

/// Processor, cores, system, compiler, commit.
fn machine() -> Value {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root()).output().ok().filter(|output| output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Some(text)
    };
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor =
        processors.lines().find_map(|line| line.strip_prefix("model name")).map(|name| name.trim_start_matches([' ', '\t', ':']));
    json!({
        "processor": processor,
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "system": said("uname", &["-srm"]).unwrap_or_else(|| std::env::consts::OS.to_owned()),
        "rustc": said("rustc", &["--version"]),
        "commit": said("git", &["rev-parse", "HEAD"]),
        "changed": said("git", &["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty()),
        // Of other work on the machine when this began, where the system tells: processes that run or want to.
        "load": std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok()),
        "seconds_since_1970": std::time::UNIX_EPOCH.elapsed().ok().map(|time| time.as_secs()),
    })
}

fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}

fn warm(row: &Value, member: &str) -> String {
    row["warm"][member].as_f64().map_or_else(|| "–".into(), |time| format!("{time:.1}"))
}

fn cold(row: &Value, member: &str) -> String {
    row["cold"][member].as_f64().map_or_else(|| "–".into(), |time| format!("{time:.0}"))
}

fn ratio(row: &Value) -> String {
    row["ours_to_theirs"]["p50"].as_f64().map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

fn worst(row: &Value) -> String {
    let distances = row["distances"].as_object().into_iter().flatten().filter_map(|(_, distance)| distance.as_f64());
    distances.reduce(f64::max).map_or_else(String::new, |distance| format!("{distance:.1e}"))
}

/// One row in one line.
fn line(row: &Value) -> String {
    let engine = text(row, "engine");
    match text(row, "status") {
        "measured" => {
            format!("{engine}: p50 {} ms of {} runs, first {} ms", warm(row, "p50_ms"), row["warm"]["runs"], cold(row, "first_run_ms"))
        }
        status => format!("{status}: {engine}: {}", text(row, "reason")),
    }
}

const HEADINGS: [&str; 13] = [
    "model",
    "platform",
    "runs on",
    "engine",
    "context",
    "weights",
    "compile",
    "first run",
    "p50",
    "p90",
    "runs",
    "ours ÷ theirs",
    "distance",
];

/// Cells of a measured row, milliseconds but for the last three.
fn cells(row: &Value) -> [String; 13] {
    [
        text(row, "model").into(),
        text(row, "platform").into(),
        text(row, "runs_on").into(),
        text(row, "engine").into(),
        cold(row, "context_ms"),
        cold(row, "weights_ms"),
        cold(row, "compile_ms"),
        cold(row, "first_run_ms"),
        warm(row, "p50_ms"),
        warm(row, "p90_ms"),
        row["warm"]["runs"].to_string(),
        ratio(row),
        worst(row),
    ]
}

fn measured(rows: &[Value]) -> impl Iterator<Item = &Value> {
    rows.iter().filter(|row| row["status"] == "measured")
}

fn table(rows: &[Value]) -> String {
    let rows: Vec<_> = std::iter::once(HEADINGS.map(String::from)).chain(measured(rows).map(cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 13] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn markdown(rows: &[Value], machine: &Value) -> String {
    let mut page = format!("| {} |\n|{}\n", HEADINGS.join(" | "), "---|".repeat(HEADINGS.len()));
    for row in measured(rows) {
        let _ = writeln!(page, "| {} |", cells(row).join(" | "));
    }
    page.push_str("\nMilliseconds; the last two columns are the ratio of medians and the largest distance from the reference.\n\n");
    for row in rows.iter().filter(|row| row["status"] != "measured") {
        let (status, reason) = (text(row, "status"), text(row, "reason"));
        let _ = writeln!(page, "- {status}: {} on {}, {}: {reason}", text(row, "engine"), text(row, "platform"), text(row, "runs_on"));
    }
    let mut devices: Vec<String> = measured(rows)
        .flat_map(|row| {
            let place = row["place"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()));
            let device = row["device"].as_str().map(|device| format!("{} on {}: {device}", text(row, "platform"), text(row, "runs_on")));
            place.chain(device).collect::<Vec<_>>()
        })
        .collect();
    devices.sort();
    devices.dedup();
    devices.iter().for_each(|device| _ = writeln!(page, "- {device}"));
    let _ = writeln!(
        page,
        "- {}, {} cores, {}, commit {}{}",
        text(machine, "processor"),
        machine["cores"],
        text(machine, "system"),
        text(machine, "commit"),
        if machine["changed"] == true { " with changes" } else { "" }
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(engine: &str, times: &[f64]) -> Side {
        let start = json!({ "event": "start", "cold": { "first_run_ms": 5.0 }, "distances": { "x": 1e-6 }, "load": { "device": "d" } });
        Side { engine: engine.into(), start, times: times.into(), ..Side::default() }
    }

    #[test]
    fn a_row_tells_what_was_measured_and_no_more() {
        let mut row = json!({ "model": "m", "platform": "cpu", "runs_on": "native", "engine": "a" });
        describe(&mut row, &side("a", &[2.0, 1.0, 3.0]));
        assert_eq!((&row["status"], &row["warm"]["p50_ms"], &row["warm"]["p90_ms"]), (&json!("measured"), &json!(2.0), &Value::Null));
        assert_eq!(cells(&row)[4..10], ["–", "–", "–", "5", "2.0", "–"]);
        assert!(row.get("version").is_none() && row["device"] == "d");
    }

    #[test]
    fn what_failed_has_a_reason_and_no_time() {
        for (side, status) in [
            (Side { failed: Some("why".into()), ..side("a", &[1.0]) }, "failed"),
            (Side { skipped: Some("why".into()), ..Side::default() }, "skipped"),
            (side("a", &[]), "failed"),
        ] {
            let mut row = json!({ "platform": "cpu" });
            describe(&mut row, &side);
            assert_eq!(row["status"], status);
            assert!(row["reason"].is_string() && row.get("warm").is_none() && row.get("cold").is_none());
            assert!(!markdown(&[row.clone()], &json!({})).contains("| cpu |") && !table(&[row]).contains("cpu"));
        }
    }
}

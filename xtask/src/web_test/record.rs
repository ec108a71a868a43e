//! What a browser was measured to compute of the W3C's vectors, written where later runs are held against it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::shell::{Result, cargo, root, run as run_command};

/// The vectors of this repository.
pub(super) fn conformance() -> PathBuf {
    root().join("runtime/tests/conformance")
}

/// The records: `<platform>.json`.
pub(super) fn folder() -> PathBuf {
    conformance().join("browsers")
}

/// Writes the records of the platforms on which all `vectors` were run, and their tables.
///
/// **Errors** no such platform; a case that failed and is not listed as a known failure.
pub(super) fn write(records: BTreeMap<String, Value>, vectors: &Path) -> Result {
    let files = std::fs::read_dir(vectors).map_err(|error| format!("{}: {error}", vectors.display()))?.count() as u64;
    let mut written = 0;
    for (backend, mut record) in records {
        let operators = record.as_object_mut().and_then(|record| record.remove("operators")).unwrap_or_default();
        if operators.as_u64() != Some(files) {
            println!("{backend}: {operators} of {files} operators were run: no record of it is written");
            continue;
        }
        record["date"] = today().into();
        let path = folder().join(format!("{backend}.json"));
        let saved = std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(&path, text(&record)));
        saved.map_err(|error| format!("{}: {error}", path.display()))?;
        let [data, measured, table] =
            [conformance(), path, root().join("docs/operators.md")].map(|path| path.to_string_lossy().into_owned());
        run_command(cargo(&[
            "run",
            "--quiet",
            "--package",
            "ipfs-accelerate-runtime",
            "--example",
            "conformance",
            "--",
            &data,
            "--measured",
            &measured,
            "--table",
            &table,
        ]))?;
        written += 1;
    }
    if written > 0 { Ok(()) } else { Err("nothing was recorded: all vectors of a platform are to be run".into()) }
}

/// One case to a line.
fn text(record: &Value) -> String {
    let cases: Vec<String> = record["not_passed"].as_array().into_iter().flatten().map(Value::to_string).collect();
    let [backend, adapter, date, count] = ["backend", "adapter", "date", "cases"].map(|name| &record[name]);
    let head = format!("\"backend\": {backend}, \"adapter\": {adapter}, \"date\": {date}, \"cases\": {count}");
    format!("{{{head}, \"not_passed\": [\n{}\n]}}\n", cases.join(",\n"))
}

/// Today, UTC, as YYYY-MM-DD.
fn today() -> String {
    day(UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() / 86400)
}

/// The day that is so many days after 1970-01-01.
fn day(since: u64) -> String {
    // Years from March on, in eras of 400 years: the leap day is a year's last.
    let days = since + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (month, day) = ((from_march + 2) % 12 + 1, of_year - (153 * from_march + 2) / 5 + 1);
    format!("{}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!([0, 11_016, 11_017, 20_780].map(day), ["1970-01-01", "2000-02-29", "2000-03-01", "2026-11-23"]);
    }

    #[test]
    fn a_record_is_json_again() {
        let record =
            json!({ "backend": "a", "adapter": "\"b\"", "date": "c", "cases": 3, "not_passed": [{ "case": "d" }, { "case": "e" }] });
        assert_eq!(serde_json::from_str::<Value>(&text(&record)).unwrap(), record);
    }
}

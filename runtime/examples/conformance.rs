//! Runs the W3C's WebNN conformance vectors, or any files of their form, on a backend.
//!
//! `conformance DIR [--backend cpu|webgpu|reference] [--adapter NAME] [--op NAME] [--json FILE] [--table FILE] [--measured FILE]`
//!
//! `--table docs/operators.md` rewrites the backend's section of that document. `--measured FILE` computes nothing: it takes what a browser was measured
//! to compute, as `cargo xtask web-test --record` leaves it in `tests/conformance/browsers`.
//!
//! `DIR` holds files of cases, or folders `webnn` and `validation` of such files. Each case's own tolerance holds. The exit status is 0 where
//! no case failed but those of `tests/conformance/expected_failures.json`, 1 where one did, 2 where nothing could be run.

#[allow(dead_code, missing_docs)]
#[path = "../tests/conformance/mod.rs"]
mod conformance;

use std::path::PathBuf;
use std::process::ExitCode;

use conformance::table::Title;
use conformance::{Backend, Counts, Expected, Record, runner, table};

const USAGE: &str =
    "usage: conformance DIR [--backend cpu|webgpu|reference] [--adapter NAME] [--op NAME] [--json FILE] [--table FILE] [--measured FILE]";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let (mut folder, mut backend, mut adapter, mut operator, mut json) = (None, String::from("cpu"), None, None, None);
    let (mut document, mut measured) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} takes a value\n{USAGE}"));
        match argument.as_str() {
            "--backend" => backend = value()?,
            "--adapter" => adapter = Some(value()?),
            "--op" => operator = Some(value()?),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--table" => document = Some(PathBuf::from(value()?)),
            "--measured" => measured = Some(PathBuf::from(value()?)),
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(true);
            }
            option if option.starts_with('-') => return Err(format!("no option {option}\n{USAGE}")),
            _ if folder.is_none() => folder = Some(PathBuf::from(argument)),
            _ => return Err(format!("one folder, found {argument} too\n{USAGE}")),
        }
    }
    let folder = folder.ok_or_else(|| format!("which folder?\n{USAGE}"))?;
    let mut files = runner::files(&folder)?;
    if let Some(operator) = operator {
        let known: std::collections::BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
        files.retain(|(name, _)| *name == operator);
        if files.is_empty() {
            return Err(format!("no file of `{operator}`; there are: {}", known.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    let (title, text, json_text, records) = match measured {
        Some(path) => {
            let measured = table::measured(&path)?;
            let records = runner::measured(&files, &measured)?;
            let names = (measured.backend.as_str(), measured.adapter.as_str());
            (Title::browser(&measured), runner::summary(names, &records), runner::json(names, &records), records)
        }
        None => {
            let backend = Backend::open(&backend, adapter).map_err(|error| error.to_string())?;
            let expected = Expected::read()?;
            let records: Vec<Record> = files.iter().flat_map(|file| runner::run(file, &backend, &expected)).collect();
            let names = (backend.name(), backend.adapter());
            (Title::native(&backend), runner::summary(names, &records), runner::json(names, &records), records)
        }
    };
    print!("{text}");
    if let Some(path) = json {
        std::fs::write(&path, format!("{json_text:#}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = document {
        let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(wrong)?;
        let text = table::replace(&text, &title.name, &table::render(&title, &records));
        std::fs::write(&path, text).map_err(wrong)?;
    }
    Ok(Counts::of(&records).failed == 0)
}

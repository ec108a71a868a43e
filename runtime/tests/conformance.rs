//! The W3C's conformance vectors through the reference kernels, the CPU backend and WebGPU, and the suite's cases of what a builder must accept
//! and refuse: a test per backend and operator; and what browsers were measured to compute, held against the document. Data and licence: `tests/conformance/`; `WEBNN_CONFORMANCE` names another folder.

#[allow(dead_code)]
#[path = "conformance/mod.rs"]
mod conformance;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use conformance::table::Title;
use conformance::{Backend, Counts, Expected, Record, runner, table};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let copies = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let folder = std::env::var_os("WEBNN_CONFORMANCE").map_or_else(copies, PathBuf::from);
    let files = Arc::new(runner::files(&folder).unwrap_or_else(|error| panic!("{error}")));
    let expected = Arc::new(Expected::read().unwrap_or_else(|error| panic!("{error}")));
    let mut trials = Vec::new();
    let mut runs = Vec::new();
    for name in ["reference", "cpu", "webgpu"] {
        let backend = Backend::open(name, None).map(Arc::new);
        if let Err(error) = &backend {
            println!("ignored: {name}: {error}");
        }
        let records = Arc::new(Mutex::new(Vec::new()));
        if let Ok(backend) = &backend {
            runs.push((Arc::clone(backend), Arc::clone(&records)));
        }
        for index in 0..files.len() {
            let validation = files[index].1.iter().any(|case| case.get("expect").is_some());
            if validation && name != "reference" {
                continue;
            }
            let title = format!("{}::{}", if validation { "rules" } else { name }, files[index].0);
            let (files, expected, records, ignored) = (Arc::clone(&files), Arc::clone(&expected), Arc::clone(&records), backend.is_err());
            let backend = backend.as_ref().ok().cloned();
            let run = move || match &backend {
                Some(backend) => {
                    let made = runner::run(&files[index], backend, &expected);
                    let verdict = judge(&made, backend);
                    records.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(made);
                    verdict
                }
                None => Ok(()),
            };
            trials.push(Trial::test(title, run).with_ignored_flag(ignored));
        }
    }
    if std::env::var_os("WEBNN_CONFORMANCE").is_none() {
        for (platform, measured) in table::records().unwrap_or_else(|error| panic!("{error}")) {
            let files = Arc::clone(&files);
            let holds = move || {
                let title = Title::browser(&measured);
                let section = table::render(&title, &runner::measured(&files, &measured)?);
                let document = std::fs::read_to_string(table::path()).map_err(|error| error.to_string())?;
                if table::section(&document, &title.name) == Some(&section) { Ok(()) } else { Err(rewrite(&measured.backend, true).into()) }
            };
            trials.push(Trial::test(format!("browser::{platform}_table"), holds));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let whole = conclusion.num_filtered_out == 0 && conclusion.num_passed > 0 && std::env::var_os("WEBNN_CONFORMANCE").is_none();
    if conclusion.has_failed() || (whole && !table_holds(&runs)) { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

type Run = (Arc<Backend>, Arc<Mutex<Vec<Record>>>);

/// Holds the document against a full run.
fn table_holds(runs: &[Run]) -> bool {
    let path = table::path();
    let document = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut holds = true;
    for (backend, records) in runs.iter().filter(|(backend, _)| backend.name() != "reference") {
        let records = records.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let title = Title::native(backend);
        let Some(section) = table::section(&document, &title.name) else {
            println!("docs/operators.md has no table of {}", title.name);
            continue;
        };
        if !section.contains(&title.device) {
            println!("the table of {} is of another adapter than {}: not compared", title.name, backend.adapter());
        } else if section != table::render(&title, &records) {
            println!("{}", rewrite(backend.name(), false));
            holds = false;
        }
    }
    holds
}

/// What to do about a section that is not what was computed.
fn rewrite(backend: &str, browser: bool) -> String {
    let what =
        if browser { format!("--measured runtime/tests/conformance/browsers/{backend}.json") } else { format!("--backend {backend}") };
    format!(
        "docs/operators.md is not what {backend} computes; `cargo run -p ipfs-accelerate-runtime --example conformance -- \
        runtime/tests/conformance {what} --table docs/operators.md` rewrites it"
    )
}

/// Fails where a case failed; what is unsupported is counted by the generated table.
fn judge(records: &[Record], backend: &Backend) -> Result<(), Failed> {
    if Counts::of(records).failed == 0 { Ok(()) } else { Err(runner::summary((backend.name(), backend.adapter()), records).into()) }
}

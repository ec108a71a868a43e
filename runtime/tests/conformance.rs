//! The W3C's conformance vectors through the reference kernels, the CPU backend and WebGPU, and the suite's cases of what a builder must accept
//! and refuse: a test per backend and operator. Data and licence: `tests/conformance/`; `WEBNN_CONFORMANCE` names another folder.

#[allow(dead_code)]
#[path = "conformance/mod.rs"]
mod conformance;

use std::path::PathBuf;
use std::sync::Arc;

use conformance::{Backend, Counts, Expected, runner};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let copies = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let folder = std::env::var_os("WEBNN_CONFORMANCE").map_or_else(copies, PathBuf::from);
    let files = Arc::new(runner::files(&folder).unwrap_or_else(|error| panic!("{error}")));
    let expected = Arc::new(Expected::read().unwrap_or_else(|error| panic!("{error}")));
    let mut trials = Vec::new();
    for name in ["reference", "cpu", "webgpu"] {
        let backend = Backend::open(name, None).map(Arc::new);
        if let Err(error) = &backend {
            println!("ignored: {name}: {error}");
        }
        for index in 0..files.len() {
            let validation = files[index].1.iter().any(|case| case.get("expect").is_some());
            if validation && name != "reference" {
                continue;
            }
            let title = format!("{}::{}", if validation { "rules" } else { name }, files[index].0);
            let (files, expected, ignored) = (Arc::clone(&files), Arc::clone(&expected), backend.is_err());
            let backend = backend.as_ref().ok().cloned();
            let run = move || match &backend {
                Some(backend) => judge(&runner::run(&files[index], backend, &expected), backend),
                None => Ok(()),
            };
            trials.push(Trial::test(title, run).with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Fails where a case failed; what is unsupported is counted by the generated table.
fn judge(records: &[conformance::Record], backend: &Backend) -> Result<(), Failed> {
    if Counts::of(records).failed == 0 { Ok(()) } else { Err(runner::summary(backend, records).into()) }
}

//! The program on a tiny published model: times where the outputs agree, none where they do not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ipfs_accelerate_runtime::weights::{read_tensors, write_tensors};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../generated/goldens/bert/base_gelu")
}

/// The events of a run with so many lines of input, and whether it ended well.
fn bench(reference: &Path, platform: &str, lines: usize) -> (Vec<Value>, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipfs-accelerate-bench"));
    command.arg("bert").arg(golden()).arg("--reference").arg(reference).args(["--platform", platform]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // A program that ended has closed its input.
    let _ = child.stdin.take().unwrap().write_all("\n".repeat(lines).as_bytes());
    let output = child.wait_with_output().unwrap();
    let events = String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (events, output.status.success())
}

#[test]
fn a_run_for_every_line() {
    let (events, well) = bench(&golden(), "cpu", 3);
    assert!(well && events.len() == 4, "{events:?}");
    let start = &events[0];
    assert_eq!((&start["event"], &start["load"]["platform"]), (&"start".into(), &"cpu".into()));
    for step in ["context_ms", "weights_ms", "compile_ms", "first_run_ms"] {
        assert!(start["cold"][step].as_f64().is_some_and(|time| time > 0.0), "{step}: {start}");
    }
    assert!(start["distances"]["last_hidden_state"].as_f64().is_some_and(|distance| distance < 1e-4), "{start}");
    assert!(events[1..].iter().all(|event| event["event"] == "run" && event["ms"].as_f64().is_some_and(|time| time > 0.0)));
}

#[test]
fn no_time_without_parity() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(golden().join("inputs.safetensors"), folder.path().join("inputs.safetensors")).unwrap();
    let mut outputs = read_tensors(golden().join("outputs.safetensors")).unwrap();
    outputs.get_mut("last_hidden_state").unwrap().as_mut_slice::<f32>().unwrap()[7] += 0.01;
    write_tensors(folder.path().join("outputs.safetensors"), &outputs.into_iter().collect::<Vec<_>>()).unwrap();
    let (events, well) = bench(folder.path(), "cpu", 3);
    assert!(!well && events.len() == 1, "{events:?}");
    assert_eq!(events[0]["event"], "failed");
    assert!(events[0]["reason"].as_str().unwrap().starts_with("`last_hidden_state` is "), "{events:?}");
}

#[test]
fn a_platform_that_is_not_there_is_skipped() {
    let (events, well) = bench(&golden(), "webnn", 1);
    assert!(!well);
    assert_eq!(events[0]["event"], "skipped");
    assert!(events[0]["reason"].as_str().unwrap().contains("API of browsers"), "{events:?}");
}

//! The command `ipfs-accelerate`, as a program: what it computes, writes and says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ipfs_accelerate::read_tensors;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../generated/goldens/bert").join(name)
}

fn run(model: &str, weights: &Path, inputs: &Path, outputs: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipfs-accelerate"));
    command.args(["run", model, "--weights"]).arg(weights).arg("--inputs").arg(inputs).arg("--outputs").arg(outputs).args(more);
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn every_output_is_written_and_near_the_published_ones() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base_odd_relu", "base_sharded", "masked_lm_untied_silu", "classification_tanh"] {
        let (golden, outputs) = (golden(name), folder.path().join("out.safetensors"));
        let expected = golden.join("outputs.safetensors");
        let more = ["--platform", "cpu", "--json", "--with", "hidden_states", "--against", expected.to_str().unwrap()];
        let output = run("bert", &golden, &golden.join("inputs.safetensors"), &outputs, &more);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let report = json(&output);
        assert_eq!(report["load"]["platform"], "cpu");
        let (written, expected) = (read_tensors(&outputs).unwrap(), read_tensors(&expected).unwrap());
        for name in expected.keys() {
            let distance = report["distances"][name].as_f64().unwrap_or(f64::INFINITY);
            assert!(written.contains_key(name) && distance <= 1e-4, "{name}: {distance}");
        }
        assert_eq!(report["outputs"].as_object().unwrap().len(), written.len());
    }
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (golden, outputs) = (golden("base_gelu"), folder.path().join("out.safetensors"));
    let inputs = golden.join("inputs.safetensors");
    let cases: [(&str, &Path, &[&str], &str); 5] = [
        ("no_such_model", &golden, &[], "there is no skillset for `no_such_model`"),
        ("bert", folder.path(), &[], "config.json"),
        ("bert", &golden, &["--platform", "webnn"], "webnn is unavailable"),
        ("bert", &golden, &["--platform", "cpu", "--head", "NoSuchHead"], "there is no head `NoSuchHead`; heads: BertModel"),
        ("bert", &golden, &["--platform", "cpu", "--with", "no_such_list"], "has no list output `no_such_list`"),
    ];
    for (model, weights, more, message) in cases {
        let output = run(model, weights, &inputs, &outputs, &[more, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1), "{message}");
        let error = json(&output)["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(message), "`{error}` lacks `{message}`");
        assert!(!outputs.exists());
    }
    assert_eq!(run("bert", &golden, &inputs, &outputs, &["--platform", "abacus"]).status.code(), Some(2));
}

#[test]
fn detection_names_every_platform_and_why_one_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_ipfs-accelerate")).args(["detect", "--json"]).output().unwrap();
    let report = json(&output);
    let platforms = report["platforms"].as_array().unwrap();
    let names: Vec<&str> = platforms.iter().filter_map(|one| one["platform"].as_str()).collect();
    assert_eq!(names, ["webnn", "webgpu", "cpu"]);
    assert_eq!(platforms[0]["available"], false);
    assert!(platforms[0]["detail"].as_str().unwrap().contains("browsers"));
    assert_eq!(platforms[2]["available"], true);
    assert!(report["cpu"]["threads"].as_u64().unwrap() > 0);
    // What is called available must have been opened: with WebGPU there is an adapter to show.
    assert_eq!(platforms[1]["available"] == true, !report["adapters"].as_array().unwrap().is_empty());
}

//! The commands over pipelines, as programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ipfs_accelerate::read_tensors;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines/tests/goldens/text").join(name)
}

fn answers(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name).join("answers.json")).unwrap()).unwrap()
}

fn run(verb: &str, weights: &Path, more: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipfs-accelerate"));
    command.args([verb, "--weights"]).arg(weights).args(["--platform", "cpu"]).args(more);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn near(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= 1e-4, "{found}, expected {expected}");
}

#[test]
fn embed_prints_and_writes_the_published_vectors() {
    let (name, folder) = ("embedding_wordpiece", tempfile::tempdir().unwrap());
    let answers = answers(name);
    let path = folder.path().join("embeddings.safetensors");
    let texts: Vec<&str> = [0, 1].map(|index| answers["texts"][index].as_str().unwrap()).to_vec();
    let lines = texts.join("\n");
    let by_argument = run("embed", &golden(name), &["--json", "--output", path.to_str().unwrap(), texts[0], texts[1]], "");
    for output in [by_argument, run("embed", &golden(name), &["--json"], &lines)] {
        let report = json(&output);
        assert_eq!(report["load"]["platform"], "cpu");
        for (index, row) in report["embeddings"].as_array().unwrap().iter().enumerate() {
            assert_eq!(row["text"], texts[index]);
            for (found, expected) in row["vector"].as_array().unwrap().iter().zip(answers["published"][index].as_array().unwrap()) {
                near(found, expected);
            }
        }
    }
    let written = &read_tensors(&path).unwrap()["embeddings"];
    assert_eq!(written.shape(), [2, 24]);
    near(&written.as_slice::<f32>().unwrap()[24].into(), &answers["published"][1][0]);
    let shown = run("embed", &golden(name), &["--pooling", "mean", texts[0], texts[1]], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.starts_with("BertModel on cpu: ") && shown.contains("24 numbers") && shown.contains("cosine"), "{shown}");
}

#[test]
fn fill_mask_and_classify_give_the_published_answers() {
    let name = "fill_mask_wordpiece";
    let expected = answers(name);
    let report = json(&run("fill-mask", &golden(name), &["--json", "--top-k", "4", expected["texts"][0].as_str().unwrap()], ""));
    let fillings = report["filled"][0]["masks"][0].as_array().unwrap();
    assert_eq!(fillings.len(), 4);
    for (found, expected) in fillings.iter().zip(expected["answers"][0].as_array().unwrap()) {
        assert_eq!(found["token_str"], expected["token_str"]);
        near(&found["score"], &expected["score"]);
    }
    let name = "classification_single";
    let expected = answers(name);
    let report = json(&run("classify", &golden(name), &["--json", expected["texts"][0].as_str().unwrap()], ""));
    assert_eq!(report["answers"][0]["labels"][0]["label"], expected["answers"][0][0]["label"]);
    near(&report["answers"][0]["labels"][0]["score"], &expected["answers"][0][0]["score"]);
}

#[test]
fn failures_say_the_next_step() {
    let cases = [
        ("fill-mask", "fill_mask_wordpiece", "nothing to fill", "input 0: no `[MASK]` to fill; write it where a word is to stand"),
        ("classify", "embedding_wordpiece", "text", "`classifier.weight` is missing"),
        ("embed", "no_such_folder", "text", "config.json"),
    ];
    for (verb, name, text, words) in cases {
        let output = run(verb, &golden(name), &["--json", text], "");
        assert_eq!(output.status.code(), Some(1), "{words}");
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(error["error"].as_str().unwrap().contains(words), "{error} lacks `{words}`");
    }
}

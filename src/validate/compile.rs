//! `--compile`: the compiler and clippy on the crate that holds the files, or on a scratch crate around loose ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use super::Subject;
use crate::diagnostics::{Code, Diagnostics, Span};
use crate::sources::Sources;

/// What `cargo check` and `cargo clippy` say of the subjects.
///
/// **Errors** where cargo cannot be run at all.
pub fn compile(subjects: &[Subject], sources: &Sources) -> Result<Diagnostics, Diagnostics> {
    let mut crates = BTreeSet::new();
    let mut loose = Vec::new();
    for subject in subjects {
        match manifest_folder(&subject.path) {
            Some(folder) => {
                crates.insert(folder);
            }
            None => loose.push(subject),
        }
    }
    let mut findings = Diagnostics::default();
    for folder in &crates {
        findings.extend(run(folder, None, subjects)?);
    }
    if !loose.is_empty() {
        let root = sources.root().and_then(|root| root.canonicalize().ok()).filter(|root| root.join("runtime/Cargo.toml").is_file());
        let Some(root) = root else {
            return Err(refuse("loose files need the runtime: expected `runtime/` beside `model_specs/`".into()));
        };
        let scratch = tempfile::tempdir().map_err(|error| refuse(format!("a scratch folder: {error}")))?;
        write_scratch(scratch.path(), &loose, &root).map_err(|error| refuse(format!("a scratch crate: {error}")))?;
        findings.extend(run(scratch.path(), Some(&root.join("target")), subjects)?);
    }
    Ok(findings)
}

fn refuse(message: String) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.add(Code::WrongUse, None, message, None);
    diagnostics
}

/// The crate that a file belongs to: it lies in `src/` or `tests/` beside a Cargo.toml.
fn manifest_folder(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let folder = path.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?;
    let below = path.strip_prefix(folder).ok()?;
    (below.starts_with("src") || below.starts_with("tests")).then(|| folder.to_owned())
}

fn write_scratch(folder: &Path, loose: &[&Subject], root: &Path) -> std::io::Result<()> {
    let mut manifest = format!(
        "[package]\nname = \"ipfs-accelerate-scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         ipfs-accelerate-runtime = {{ path = {:?}, features = [\"testing\"] }}\nipfs-accelerate-skills = {{ path = {:?} }}\n\
         pollster = \"1\"\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        root.join("runtime"),
        root.join("generated"),
    );
    let mut library = String::new();
    for (index, subject) in loose.iter().enumerate() {
        let path = subject.path.canonicalize()?;
        // Writing to a String cannot fail.
        let _ = if subject.is_test() {
            write!(manifest, "\n[[test]]\nname = \"loose_{index}\"\npath = {path:?}\nharness = false\n")
        } else {
            writeln!(library, "#[path = {path:?}]\npub mod loose_{index};")
        };
    }
    std::fs::create_dir(folder.join("src"))?;
    std::fs::write(folder.join("src/lib.rs"), library)?;
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    if root.join("Cargo.lock").is_file() {
        std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    }
    Ok(())
}

/// Clippy where the compiler has nothing to say; it would only repeat it.
fn run(folder: &Path, target: Option<&Path>, subjects: &[Subject]) -> Result<Diagnostics, Diagnostics> {
    let checked = cargo("check", folder, target, subjects)?;
    if !checked.is_empty() {
        return Ok(checked);
    }
    cargo("clippy", folder, target, subjects)
}

fn cargo(verb: &str, folder: &Path, target: Option<&Path>, subjects: &[Subject]) -> Result<Diagnostics, Diagnostics> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).arg(verb).args(["--all-targets", "--quiet", "--message-format", "json"]);
    if let (Some(target), None) = (target, std::env::var_os("CARGO_TARGET_DIR")) {
        command.env("CARGO_TARGET_DIR", target);
    }
    let output = command.output().map_err(|error| refuse(format!("`cargo {verb}` cannot be run: {error}")))?;
    let mut findings = Diagnostics::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Ok(message) = serde_json::from_str::<Value>(line) {
            finding(&message, folder, subjects, &mut findings);
        }
    }
    if !output.status.success() && findings.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        findings.add(Code::CompilerFinding, None, format!("`cargo {verb}` failed: {}", said.trim()), None);
    }
    Ok(findings)
}

/// Warnings count in the subjects alone; an error elsewhere keeps them from being compiled.
fn finding(message: &Value, folder: &Path, subjects: &[Subject], findings: &mut Diagnostics) {
    let inner = &message["message"];
    if message["reason"] != "compiler-message" || !matches!(inner["level"].as_str(), Some("error" | "warning")) {
        return;
    }
    let Some(primary) = inner["spans"].as_array().into_iter().flatten().find(|span| span["is_primary"] == true) else { return };
    let file = primary["file_name"].as_str().unwrap_or_default();
    let base = message["manifest_path"].as_str().map(Path::new).and_then(Path::parent).unwrap_or(folder);
    let places: BTreeMap<PathBuf, &Subject> =
        subjects.iter().filter_map(|subject| Some((subject.path.canonicalize().ok()?, subject))).collect();
    // Paths are from the workspace's root, which is the crate's folder or one above.
    let subject = base.ancestors().find_map(|above| places.get(&above.join(file).canonicalize().ok()?));
    let text = inner["message"].as_str().unwrap_or_default();
    let lint = inner["code"]["code"].as_str().map_or_else(String::new, |code| format!(" [{code}]"));
    let number = |key: &str| primary[key].as_u64().unwrap_or_default() as usize;
    match subject {
        Some(subject) => {
            let span = Span { source: Arc::clone(&subject.source), start: number("byte_start"), end: number("byte_end") };
            findings.add(Code::CompilerFinding, span, format!("{text}{lint}"), None);
        }
        None if inner["level"] == "warning" => {}
        None => findings.add(Code::CompilerFinding, None, format!("{file}:{}: {text}{lint}", number("line_start")), None),
    }
}

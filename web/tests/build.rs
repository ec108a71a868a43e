//! Lists the generated test files: each is a module here, with its list of tests as a suite.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../generated/tests");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("generated/tests")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let (mut modules, mut suites) = (String::new(), String::new());
    for path in &files {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some((_, platform)) = stem.rsplit_once('_') else { continue };
        let _ = writeln!(modules, "#[allow(dead_code, missing_docs)]\n#[path = {path:?}]\nmod {stem};");
        let _ = writeln!(suites, "suites.extend(suite({stem:?}, {platform:?}, {stem}::TESTS));");
    }
    let text = format!(
        "{modules}\n/// Every generated test file.\npub(crate) fn all() -> Vec<Suite> {{\nlet mut suites = Vec::new();\n{suites}suites\n}}\n"
    );
    let out = std::env::var_os("OUT_DIR").expect("OUT_DIR");
    std::fs::write(Path::new(&out).join("suites.rs"), text).expect("OUT_DIR is writable");
}

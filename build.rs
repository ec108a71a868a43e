//! Embeds `model_specs/` and `templates/`, so that an installed `gen` works without the repository.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let mut files = Vec::new();
    for folder in ["model_specs", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(&Path::new(&root).join(folder), folder, &mut files);
    }
    files.sort();
    let rows: String = files
        .iter()
        .map(|name| format!("({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),\n", format!("/{name}")))
        .collect();
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("embedded.rs");
    fs::write(target, format!("&[\n{rows}]\n")).expect("OUT_DIR is writable");
}

fn collect(folder: &Path, name: &str, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let name = format!("{name}/{file_name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &name, files);
        } else if [".yaml", ".rs", ".toml", ".md"].iter().any(|ending| file_name.ends_with(ending)) && !file_name.starts_with('.') {
            files.push(name);
        }
    }
}

//! Pages that are made from tables are what the tables say. A page that is not is written again, and the test fails once.

use std::fs;

#[test]
fn errors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let now = codegen::diagnostics::reference();
    if fs::read_to_string(path).unwrap_or_default() != now {
        fs::write(path, now).unwrap();
        panic!("docs/errors.md was out of date and has been written again");
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let mut ids: Vec<_> = codegen::diagnostics::Code::ALL.iter().map(|code| code.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), codegen::diagnostics::Code::ALL.len());
    for code in codegen::diagnostics::Code::ALL {
        assert!(codegen::diagnostics::explanation(*code).len() > 20 && !code.title().is_empty(), "{}", code.id());
    }
}

/// What the README shows is what stands in the repository.
#[test]
fn the_excerpts_of_the_readme_are_true() {
    let read = |path: &str| fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let readme = read("README.md");
    for (language, file) in [("yaml", "model_specs/blocks/dense.yaml"), ("rust", "generated/src/bert.rs")] {
        let fence = format!("`{file}`:\n\n```{language}\n");
        let start = readme.find(&fence).expect(file) + fence.len();
        let excerpt = &readme[start..start + readme[start..].find("```").unwrap()];
        assert!(read(file).contains(excerpt), "the README's excerpt of {file} is out of date");
    }
}

/// Models live in YAML: the runtime and the generator's sources name none.
#[test]
fn the_runtime_knows_no_model() {
    let root = env!("CARGO_MANIFEST_DIR");
    let names: Vec<String> = fs::read_dir(format!("{root}/model_specs/models"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(!names.is_empty());
    for folder in ["runtime/src", "runtime/examples"] {
        for entry in walkdir::WalkDir::new(format!("{root}/{folder}")) {
            let path = entry.unwrap().into_path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().to_lowercase();
            let words: Vec<&str> = text.split(|character: char| !character.is_ascii_alphanumeric()).collect();
            for name in &names {
                assert!(!words.contains(&name.as_str()), "{} names the model `{name}`", path.display());
            }
        }
    }
}

//! Emission: all it makes parses, equal sources give equal bytes, and every template finds its fields.

use std::path::Path;

use super::*;
use crate::diagnostics::Diagnostics;
use crate::plan::Facts;

fn bert() -> (Sources, Facts, CheckedPlan) {
    let sources = Sources::load(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap();
    let mut diagnostics = Diagnostics::default();
    let facts = Facts::load(&sources, &mut diagnostics);
    let plan = CheckedPlan::new("bert", &sources, &facts, &mut diagnostics).unwrap();
    (sources, facts, plan)
}

/// Every file that can be made of a model.
fn everything() -> Files {
    let (sources, facts, plan) = bert();
    let platforms: Vec<_> = facts.platforms.iter().collect();
    let one = skillset(&plan, &platforms[..1], false, &sources);
    let several = skillset(&plan, &platforms, false, &sources);
    let mut files = generated_crate(&[&plan], &platforms, &sources);
    files.insert("one.rs".into(), one);
    files.insert("several.rs".into(), several);
    files
}

#[test]
fn all_that_is_made_is_rust_with_a_header() {
    for (name, text) in everything() {
        assert!(Header::parse(&text).is_some(), "{name} has no header");
        assert!(!text.contains("compile_error!") && !text.contains("{{"), "{name}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains(" \n"), "{name}");
        if name.ends_with(".rs") {
            let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!file.items.is_empty(), "{name}");
        }
    }
}

#[test]
fn equal_sources_give_equal_bytes() {
    assert_eq!(everything(), everything());
}

#[test]
fn templates_are_short_and_name_only_what_they_are_given() {
    let (sources, facts, plan) = bert();
    let platforms: Vec<_> = facts.platforms.iter().collect();
    let mut seen = 0;
    for name in sources.templates() {
        let text = &sources.file(name).unwrap().text;
        assert!(text.lines().count() <= 60, "{name} is longer than a page");
        // A field that is missing would be an error where it is shown, but silently false in an `if`.
        for condition in text.split("{% if ").skip(1) {
            let field = condition.split(" %}").next().unwrap_or_default();
            assert!(field.starts_with("has_"), "{name}: `if {field}`");
            assert!(test::FLAGS.contains(&field), "{name}: nothing gives `{field}`");
        }
        seen += 1;
    }
    assert!(seen >= 15);
    assert!(skillset(&plan, &platforms, true, &sources).contains("#![forbid(unsafe_code)]"));
}

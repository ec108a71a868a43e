//! `gen validate`: each rule finds its defect, and nothing where there is none.

mod common;

use common::Folder;

/// Codes and lines of the findings on one file, less those about its header.
fn findings(path: &str, text: &str) -> Vec<(String, u64)> {
    let folder = Folder::new();
    folder.copy(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/base")));
    folder.write("runtime/src/lib.rs", "pub mod graph;\npub use graph::Graph;\n#[macro_export]\nmacro_rules! tests { () => {} }\n");
    folder.write("runtime/src/graph/mod.rs", "mod builder;\npub use builder::GraphBuilder;\npub struct Graph;\n");
    folder.write("runtime/src/graph/builder.rs", "pub struct GraphBuilder;\n");
    folder.write(&format!("loose/{path}"), text);
    let run = folder.run(&format!("validate loose/{path} --json"));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
    let found: Vec<_> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["code"].as_str().unwrap().to_owned(), finding["place"]["line"].as_u64().unwrap_or_default()))
        .collect();
    assert_eq!(run.code, i32::from(!found.is_empty()));
    found.into_iter().filter(|(code, _)| code != "V002").collect()
}

fn in_module(body: &str) -> Vec<(String, u64)> {
    findings("module.rs", &format!("#![forbid(unsafe_code)]\n{body}\n"))
}

fn in_test(body: &str) -> Vec<String> {
    let text = format!(
        "#![forbid(unsafe_code)]\nconst TESTS: &[Test<Skillset>] = tests![Skillset: it];\nasync fn it(context: &Context<Skillset>) -> TestResult {{\n{body}\nOk(())\n}}\n"
    );
    findings("tests/it.rs", &text).into_iter().map(|(code, _)| code).collect()
}

fn one(code: &str, line: u64) -> Vec<(String, u64)> {
    vec![(code.to_owned(), line)]
}

#[test]
fn a_file_that_does_not_parse() {
    assert_eq!(in_module("fn broken( {\n"), one("V001", 2));
}

#[test]
fn a_file_without_items() {
    assert_eq!(in_module(""), one("V009", 1));
    assert_eq!(findings("empty.rs", "").iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["V006", "V009"]);
}

#[test]
fn a_file_that_allows_unsafe_code() {
    assert_eq!(findings("module.rs", "//! a\n#![deny(unsafe_code)]\nfn f() {}\n"), one("V006", 1));
    assert_eq!(in_module("fn f() {}"), []);
}

#[test]
fn operators_and_options_that_are_not_there() {
    let body = |line: &str| format!("fn f(builder: &GraphBuilder, a: &Operand) {{\n{line}\n}}");
    for right in [
        "builder.matmul(a, a);",
        "builder.softmax(a, 1);",
        "builder.input(\"a\", d);",
        "builder.layer_normalization(a, LayerNormalizationOptions { epsilon: 1e-5, ..Default::default() });",
        "other.mat_mul(a);",
    ] {
        assert_eq!(in_module(&body(right)), [], "{right}");
    }
    for wrong in [
        "builder.mat_mul(a, a);",
        "builder.matmul(a);",
        "builder.matmul(a, a, a);",
        "builder.layer_normalization(a);",
        "builder.layer_normalization(a, LayerNormalizationOptions { eps: 1e-5, ..Default::default() });",
        "let x = ipfs_accelerate_runtime::graph::Grph;",
    ] {
        assert_eq!(in_module(&body(wrong)), one("V005", 3), "{wrong}");
    }
}

#[test]
fn imports_that_are_not_there() {
    for right in ["Graph", "graph::{Graph, GraphBuilder}", "graph::{self, Graph as G}", "graph::*", "tests"] {
        assert_eq!(in_module(&format!("use ipfs_accelerate_runtime::{right};")), [], "{right}");
    }
    for wrong in ["Grph", "graph::{Graph, GraphBuilder2}", "grph::Graph", "graph::builder2::X", "graph::{Nope as G}"] {
        assert_eq!(in_module(&format!("use ipfs_accelerate_runtime::{wrong};")), one("V005", 2), "{wrong}");
    }
}

#[test]
fn tests_that_can_fail() {
    for right in [
        "let run = context.load()?; assert_eq!(run.len(), 3);",
        "expect_close(\"x\", &context.run().await?, &golden, 1e-4)?;",
        "for golden in context.goldens()? { expect_equal(\"x\", &golden.name, &name)?; }",
        "let x = compute(); if let Some(y) = x { check_shape(y)?; }",
        "assert!(matches!(context.run(), Err(_)));",
        "helper(context).await?;\n}\nasync fn helper(context: &Context<Skillset>) -> TestResult {\nassert!(context.run().is_ok());",
        "context.expect_parity(context.run().await?)?;",
    ] {
        assert_eq!(in_test(right), Vec::<String>::new(), "{right}");
    }
}

#[test]
fn tests_that_cannot_fail() {
    for wrong in [
        "",
        "context.load()?;",
        "assert!(true);",
        "assert_eq!(1, 1);",
        "let one = 1; assert_eq!(one, 1);",
        "let list = vec![1, 2]; assert_eq!(list, vec![1, 2]);",
        "assert!(true, \"{}\", context.run());",
        "expect(true, || format!(\"{}\", context.run()))?;",
        "expect_equal(&format!(\"{}\", context.run()), &Some(1), &Some(1))?;",
        "let run = context.load().expect(\"loads\");",
        "println!(\"{}\", context.run());",
        "helper(context).await?;\n}\nasync fn helper(context: &Context<Skillset>) -> TestResult {\nassert!(true);",
    ] {
        assert!(in_test(wrong).contains(&"V008".to_owned()), "{wrong}");
    }
    assert_eq!(findings("tests/it.rs", "#![forbid(unsafe_code)]\nfn main() {}\n"), one("V008", 1));
    assert_eq!(in_module("#[test]\nfn empty() {}"), one("V008", 3));
}

#[test]
fn a_file_without_a_header() {
    let folder = Folder::new();
    for (text, expected) in [
        ("fn f() {}\n", "no header"),
        ("// @generated by `gen all` from x; do not edit.\n// spec sha256: 1\nfn f() {}\n", "a broken header"),
    ] {
        let place = folder.write("a.rs", text);
        let run = folder.run(&format!("validate {}", place.display()));
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("V002 ") && run.stderr.contains(expected), "{}", run.stderr);
    }
}

#[test]
fn paths_that_are_not_there_are_usage_errors() {
    let folder = Folder::new();
    folder.write("binary.rs", "");
    std::fs::write(folder.path().join("binary.rs"), [0xff, 0xfe]).unwrap();
    for path in ["nowhere", "binary.rs"] {
        let run = folder.run(&format!("validate {path}"));
        assert_eq!(run.code, 2);
        assert!(run.stderr.starts_with("S013 "), "{}", run.stderr);
    }
}

#[test]
fn sarif_has_rules_results_and_places() {
    let folder = Folder::new();
    folder.write("a b.rs", "#![forbid(unsafe_code)]\nfn broken( {\n");
    let output = common::command().args(["validate", "a b.rs", "--sarif"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let sarif: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let result = run["results"].as_array().unwrap().iter().find(|result| result["ruleId"] == "V001").unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize]["id"], "V001");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b.rs");
    assert_eq!(place["region"]["startLine"], 2);
    let same = folder.run("validate --format sarif .");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&same.stdout).unwrap()["runs"][0]["columnKind"], "unicodeCodePoints");
}

#[test]
fn compile_runs_the_compiler_and_clippy() {
    let folder = Folder::new();
    folder.write("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    let found = |text: &str| {
        folder.write("src/lib.rs", text);
        let run = folder.run("validate src/lib.rs --compile --json");
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let found = json["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "V010");
        found
            .map(|finding| (finding["place"]["line"].as_u64().unwrap(), finding["message"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("#![forbid(unsafe_code)]\npub fn f() -> u8 { 1 }\n"), []);
    let broken = found("#![forbid(unsafe_code)]\npub fn f() -> u8 { \"\" }\n");
    assert_eq!(broken, [(2, "mismatched types [E0308]".to_owned())]);
    let linted = found("#![forbid(unsafe_code)]\n\npub fn f(list: &[u8]) -> bool { list.len() == 0 }\n");
    assert!(matches!(&linted[..], [(3, message)] if message.ends_with("[clippy::len_zero]")), "{linted:?}");
}

#[test]
fn loose_files_need_the_runtime_to_compile() {
    let folder = Folder::new();
    folder.write("model_specs/models/.keep", "");
    folder.write("loose.rs", "#![forbid(unsafe_code)]\npub fn f() {}\n");
    let run = folder.run("validate loose.rs --compile");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("expected `runtime/` beside `model_specs/`"), "{}", run.stderr);
}

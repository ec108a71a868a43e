//! YAML: spans, values, every duplicate; hostile files end quickly and by name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codegen::diagnostics::{Code, Diagnostics, SourceText};
use codegen::yaml::{self, Node, Value};

fn read(text: &str) -> Result<Node, (Code, String, usize)> {
    let source = Arc::new(SourceText { name: "a.yaml".into(), text: text.into() });
    let mut diagnostics = Diagnostics::default();
    match yaml::parse(&source, &mut diagnostics) {
        Some(node) => {
            assert!(diagnostics.is_empty());
            Ok(node)
        }
        None => {
            let first = diagnostics.into_sorted().into_iter().next().expect("a reason");
            Err((first.code, first.message, first.span.map_or(0, |span| span.start)))
        }
    }
}

fn entries(node: &Node) -> &[(Node, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn slice(span: &codegen::diagnostics::Span) -> &str {
    &span.source.text[span.start..span.end]
}

#[test]
fn values_follow_the_core_schema() {
    let value = |text: &str| match &read(&format!("a: {text}\n")).unwrap().value {
        Value::Map(entries) => entries[0].1.value.clone(),
        other => other.clone(),
    };
    assert_eq!(value("12"), Value::Int(12));
    assert_eq!(value("-7"), Value::Int(-7));
    assert_eq!(value("0x1F"), Value::Int(31));
    assert_eq!(value("1.0e-12"), Value::Float(1e-12));
    assert_eq!(value("1e3"), Value::Float(1000.0));
    assert_eq!(value(".5"), Value::Float(0.5));
    assert_eq!(value("true"), Value::Bool(true));
    assert_eq!(value("no"), Value::Text("no".into()));
    assert_eq!(value("~"), Value::Null);
    assert_eq!(value(""), Value::Null);
    assert_eq!(value("'12'"), Value::Text("12".into()));
    assert_eq!(value("1.2.3"), Value::Text("1.2.3".into()));
    assert_eq!(value("inf"), Value::Text("inf".into()));
    assert_eq!(read("").unwrap().value, Value::Null);
}

#[test]
fn keys_are_texts_and_duplicates_stay() {
    let node = read("true: 1\n1: 2\na: 3\na: 4\n").unwrap();
    let keys: Vec<_> = entries(&node).iter().map(|(key, _)| key.text().unwrap()).collect();
    assert_eq!(keys, ["true", "1", "a", "a"]);
}

#[test]
fn spans_are_what_is_written() {
    let text = "steps:\n  - é: add(x, \"y\")\n  - b: 'it''s'\n  - c: \"quoted\" # why\n  - d: [1, {e: f}]\nlast: >\n  folded\n  text\n";
    let node = read(text).unwrap();
    let Value::List(steps) = &entries(&node)[0].1.value else { panic!() };
    let (name, call) = &entries(&steps[0])[0];
    assert_eq!((slice(&name.span), slice(&call.span)), ("é", "add(x, \"y\")"));
    assert_eq!(slice(&call.text_span(4..5)), "x");
    assert_eq!(slice(&steps[0].span), "é: add(x, \"y\")");
    let escaped = &entries(&steps[1])[0].1;
    assert_eq!(escaped.text(), Some("it's"));
    assert_eq!(slice(&escaped.text_span(0..2)), "'it''s'");
    let quoted = &entries(&steps[2])[0].1;
    assert_eq!((slice(&quoted.span), slice(&quoted.text_span(0..3))), ("\"quoted\"", "quo"));
    assert_eq!(slice(&entries(&steps[3])[0].1.span), "[1, {e: f}]");
    assert_eq!(entries(&node)[1].1.text(), Some("folded text\n"));
}

#[test]
fn aliases_stand_for_what_they_name() {
    let node = read("a: &x {b: 1}\nc: *x\n").unwrap();
    assert_eq!(entries(&node)[0].1, entries(&node)[1].1);
    assert_eq!(read("a: &x [*x]\n").unwrap_err().0, Code::BrokenYaml);
    assert_eq!(read("a: *x\n").unwrap_err().0, Code::BrokenYaml);
}

#[test]
fn broken_yaml_says_where() {
    for (text, place) in
        [("a: [1\nb: 2\n", 6), ("a:\n\tb: 1\n", 4), ("a: b: c\n", 4), ("a: 'b\n", 5), ("a: 1\n---\nb: 2\n", 5), ("a: !!str 1\n", 9)]
    {
        let (code, message, start) = read(text).unwrap_err();
        assert_eq!((code, start), (Code::BrokenYaml, place), "{text:?}: {message}");
    }
    assert_eq!(read("a: 99999999999999999999\n").unwrap_err().0, Code::WrongType);
    assert_eq!(read("? [a]\n: 1\n").unwrap_err().0, Code::WrongType);
}

#[test]
fn hostile_files_end_quickly() {
    let laughs: String = (0..30)
        .map(|level| {
            format!("a{level}: &a{level} [{}]\n", vec![if level == 0 { "x".into() } else { format!("*a{}", level - 1) }; 9].join(", "))
        })
        .collect();
    let chain: String = (0..200)
        .map(|level| format!("a{level}: &a{level} [{}]\n", if level == 0 { "x".into() } else { format!("*a{}", level - 1) }))
        .collect();
    let indented: String = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>().chars().take(900_000).collect();
    for (what, text) in [
        ("10 MB", "a: b\n".repeat(2_000_000)),
        ("brackets", "[".repeat(100_000)),
        ("braces", "{a: ".repeat(100_000)),
        ("dashes", "- ".repeat(100_000)),
        ("keys", "? ".repeat(100_000)),
        ("indentation", indented),
        ("billion laughs", laughs),
        ("alias chain", chain),
        ("many nodes", "- a\n".repeat(200_000)),
    ] {
        let started = Instant::now();
        let (code, message, _) = read(&text).unwrap_err();
        assert_eq!(code, Code::TooLarge, "{what}: {message}");
        assert!(started.elapsed() < Duration::from_secs(2), "{what}: {:?}", started.elapsed());
    }
    for text in ["\u{0}", "\"\\", "&", "*", "!", "%YAML 9\n---\n", "{", "}", "- - - -\n:", "a: |9\n", "\u{feff}", "'", ":\n:"] {
        let _ = read(text);
    }
    let long = "a".repeat(1_000_000);
    assert_eq!(read(&long).unwrap().text(), Some(long.as_str()));
}

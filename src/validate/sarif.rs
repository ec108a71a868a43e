//! Findings as SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};

use crate::diagnostics::{self, Code, Diagnostic, Lines, Position};

/// One run with the table of codes as its rules.
pub fn sarif(findings: &[Diagnostic]) -> Value {
    let mut lines = Lines::default();
    let rules: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.id(),
                "shortDescription": { "text": code.title() },
                "fullDescription": { "text": diagnostics::explanation(*code) },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gen", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(|finding| result(finding, &mut lines)).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Diagnostic, lines: &mut Lines) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    let mut result = json!({ "ruleId": finding.code.id(), "ruleIndex": index, "level": "error", "message": { "text": text } });
    if let Some(span) = &finding.span {
        let Position { line, column, end_line, end_column } = lines.position(span);
        result["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&span.source.name) },
            "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
        } }]);
    }
    result
}

/// A path as a URI reference: bytes that a URI may not hold are escaped.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

//! `gen list`: what the specs and the runtime have, with one line each.

use ipfs_accelerate_runtime::graph::{DefaultValue, OPERATORS, Operator};
use serde_json::json;

use super::{Console, Done};
use crate::cli::{List, Listed};
use crate::diagnostics::Diagnostics;
use crate::sources::Sources;
use crate::spec;

/// Columns that names may take before what they are about.
const WIDEST: usize = 48;

struct Row {
    name: String,
    about: String,
    /// What JSON says besides.
    more: Option<serde_json::Value>,
}

pub(super) fn run(arguments: &List, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let (what, rows) = match arguments.what {
        Listed::Models => ("models", models(sources, &mut diagnostics)),
        Listed::Platforms => ("platforms", platforms(sources, &mut diagnostics)),
        Listed::Operators => ("operators", OPERATORS.iter().map(|operator| self::operator(operator)).collect()),
        Listed::Browsers => ("browsers", browsers(sources, &mut diagnostics)),
        Listed::Blocks => ("blocks", blocks(sources, &mut diagnostics)),
    };
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    if console.is_json() {
        let rows: Vec<_> =
            rows.iter().map(|row| row.more.clone().unwrap_or_else(|| json!({ "name": row.name, "about": row.about }))).collect();
        console.print_json(&json!({ what: rows }));
        return Ok(Done::Clean);
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default().min(WIDEST);
    for row in &rows {
        console.print(format!("{:width$}  {}", row.name, row.about).trim_end());
        console.print("\n");
    }
    if rows.is_empty() {
        console.note(&format!("there are no {what}"));
    }
    Ok(Done::Clean)
}

fn models(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Row> {
    let mut rows = Vec::new();
    for name in spec::models(sources) {
        if let Some(model) = spec::model(name, sources, diagnostics) {
            let heads: Vec<_> = model.heads.iter().map(|head| head.name.value.as_str()).collect();
            rows.push(Row { name: name.to_owned(), about: format!("{} ({})", model.source, heads.join(", ")), more: None });
        }
    }
    rows
}

fn browsers(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Row> {
    let row = |browser: spec::Browser| Row { name: browser.name.value.clone(), about: browser.doc.clone(), more: Some(browser.to_json()) };
    spec::browsers(sources, diagnostics).into_iter().map(row).collect()
}

fn platforms(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Row> {
    spec::platforms(sources, diagnostics)
        .into_iter()
        .map(|platform| Row { name: platform.name.value, about: platform.doc, more: None })
        .collect()
}

fn blocks(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Row> {
    let row = |block: spec::Block| {
        let parameters: Vec<_> = block
            .parameters
            .iter()
            .map(|parameter| match &parameter.default {
                None => parameter.name.value.clone(),
                Some(default) => format!("{} = {}", parameter.name.value, default.text),
            })
            .collect();
        Row { name: format!("{}({})", block.name.value, parameters.join(", ")), about: first_sentence(&block.doc), more: None }
    };
    spec::blocks(sources, diagnostics).into_iter().map(row).collect()
}

fn operator(operator: &Operator) -> Row {
    let parameters: Vec<_> = operator
        .parameters
        .iter()
        .map(|parameter| match parameter.default {
            DefaultValue::Required => parameter.name.to_owned(),
            DefaultValue::None => format!("[{}]", parameter.name),
            DefaultValue::Int(number) => format!("{} = {number}", parameter.name),
            DefaultValue::Float(number) => format!("{} = {number:?}", parameter.name),
            DefaultValue::Bool(flag) => format!("{} = {flag}", parameter.name),
            DefaultValue::Text(text) => format!("{} = {text:?}", parameter.name),
            DefaultValue::DataType(data_type) => format!("{} = \"{data_type}\"", parameter.name),
        })
        .collect();
    Row { name: format!("{}({})", operator.name, parameters.join(", ")), about: first_sentence(operator.doc), more: None }
}

/// Docs start with one sentence.
fn first_sentence(doc: &str) -> String {
    let line = doc.trim().lines().next().unwrap_or_default();
    line.split_once(". ").map_or(line, |(sentence, _)| sentence).trim_end_matches('.').to_owned()
}

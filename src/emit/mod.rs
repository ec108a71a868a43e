//! [`CheckedPlan`] -> text. Cannot fail on user input: what a plan holds has been built already.
//!
//! Templates own the page, `quote!` owns the code; both are pure, so that equal sources give equal bytes.

mod body;
mod call;
mod config;
mod functions;
mod imports;
mod layout;
mod number;
mod package;
mod page;
mod print;
mod skill;
mod test;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quote::quote;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::diagnostics::SourceText;
use crate::header::Header;
use crate::names;
use crate::output::Files;
use crate::plan::CheckedPlan;
use crate::plan::model::Plan;
use crate::sources::Sources;
use crate::spec::Platform;

pub use package::generated_crate;
pub use test::test;

/// The module of a model for these platforms. Across platforms it is one that chooses at run time; else, where several are
/// named, it has a module for each.
pub fn skillset(plan: &CheckedPlan, platforms: &[&Platform], cross_platform: bool, sources: &Sources) -> String {
    let names = platforms.iter().map(|platform| platform.name.value.as_str()).collect::<Vec<_>>();
    let command = match cross_platform {
        true => format!("skillset --model {} --cross-platform", plan.family()),
        false => format!("skillset --model {} --platform {}", plan.family(), names.join(",")),
    };
    let model = plan.plan();
    let one = cross_platform || platforms.len() == 1;
    let templates: &[&str] = if one { &["skillset.rs", "body.rs"] } else { &["platforms.rs", "body.rs"] };
    let page = Page {
        header: header(plan, command, platforms, templates, sources),
        doc: doc(model),
        source: model.spec.source.clone(),
        platforms: names.join(", "),
        heads: model.heads.iter().map(HeadRow::of).collect(),
        body: if one { body(model, platforms, sources) } else { String::new() },
        modules: if one { vec![] } else { platforms.iter().map(|platform| module(model, platform, sources)).collect() },
    };
    page::fill(templates[0], &page, sources)
}

/// What the pages `skillset.rs` and `platforms.rs` show.
#[derive(Serialize)]
struct Page {
    header: String,
    doc: String,
    source: String,
    platforms: String,
    heads: Vec<HeadRow>,
    body: String,
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct HeadRow {
    name: String,
    pipeline: String,
    doc: String,
}

impl HeadRow {
    fn of(head: &crate::plan::model::Head) -> Self {
        let doc = head.doc.clone().unwrap_or_else(|| "as its class.".to_owned());
        Self { name: head.name.value.clone(), pipeline: head.pipeline.clone(), doc }
    }
}

#[derive(Serialize)]
struct Module {
    name: String,
    doc: String,
    body: String,
}

fn module(plan: &Plan, platform: &Platform, sources: &Sources) -> Module {
    let indented = indented(&self::body(plan, &[platform], sources));
    Module { name: platform.name.value.clone(), doc: platform.doc.clone(), body: indented }
}

/// The text as it stands inside a module.
fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

/// What the page `body.rs` shows.
#[derive(Serialize)]
struct BodyPage {
    imports: String,
    model_name: String,
    config: String,
    inputs: String,
    outputs: String,
    model: String,
    skill: String,
    base: String,
    heads: Vec<String>,
    blocks: Vec<String>,
    helpers: String,
}

/// Everything below a module's docs.
fn body(plan: &Plan, platforms: &[&Platform], sources: &Sources) -> String {
    let parts: Vec<_> = plan.parts.iter().map(|part| functions::part(plan, part)).collect();
    let heads: Vec<_> = plan.heads.iter().map(|head| functions::head(plan, head)).collect();
    let mut options: BTreeSet<&str> = BTreeSet::new();
    parts.iter().chain(&heads).for_each(|function| options.extend(&function.options));
    let mut blocks = Vec::new();
    // A block stands below those that call it, as one reads on.
    for index in plan.blocks().into_iter().rev() {
        let (tokens, used) = functions::block(plan, plan.library.block(index));
        options.extend(used);
        blocks.push(tokens);
    }
    let (config, inputs, outputs) = (config::config(plan), skill::inputs(plan), skill::outputs(plan));
    let (model, skill) = (skill::model(plan), skill::skill(plan, platforms, &parts, &heads));
    let has_lists = plan.heads.iter().any(|head| head.outputs.iter().any(|output| output.count.is_some()));
    let mut helpers = if has_lists { functions::output_list() } else { quote!() };
    if !plan.states.is_empty() {
        helpers.extend(functions::states());
    }
    let mut words = BTreeSet::new();
    let head_tokens = parts.iter().chain(&heads).map(|function| &function.tokens);
    for tokens in [&config, &inputs, &outputs, &model, &skill, &helpers].into_iter().chain(head_tokens).chain(&blocks) {
        print::words(tokens, &mut words);
    }
    let page = BodyPage {
        imports: imports::imports(&words, &options),
        model_name: names::camel_case(&plan.spec.family.value),
        config: print::items(config),
        inputs: print::items(inputs),
        outputs: print::items(outputs),
        model: print::items(model),
        skill: print::items(skill),
        base: parts.into_iter().map(|part| print::items(part.tokens)).collect::<Vec<_>>().join("\n"),
        heads: heads.into_iter().map(|head| print::items(head.tokens)).collect(),
        blocks: blocks.into_iter().map(print::items).collect(),
        helpers: print::items(helpers),
    };
    page::fill("body.rs", &page, sources)
}

fn doc(plan: &Plan) -> String {
    plan.spec.doc.clone().unwrap_or_else(|| format!("`{}`.", plan.spec.family.value))
}

/// The two lines that every generated file begins with.
fn header(plan: &CheckedPlan, command: String, platforms: &[&Platform], templates: &[&str], sources: &Sources) -> String {
    let source = plan.plan().spec.files.first().map_or_else(String::new, |file| file.name.clone());
    let mut files = plan.files();
    files.extend(platforms.iter().map(|platform| Arc::clone(&platform.file)));
    files.extend(templates.iter().filter_map(|name| sources.file(&format!("templates/{name}")).cloned()));
    Header { command, source, hash: hash(&files) }.to_string()
}

/// SHA-256 over the names and texts of files, each once, in the order of their names.
fn hash(files: &[Arc<SourceText>]) -> String {
    let sorted: BTreeMap<&str, &str> = files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let mut hash = Sha256::new();
    for (name, text) in sorted {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a crate by their path.
type Crate = Files;

//! The tests of a model on a platform: one template for each test that makes sense for the model.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{header, imports, page, print};
use crate::plan::CheckedPlan;
use crate::plan::Planned;
use crate::plan::model::Input;
use crate::plan::typed::{NameKind, TypedNode};
use crate::sources::Sources;
use crate::spec::Platform;
use ipfs_accelerate_runtime::platform::Platform as RuntimePlatform;

/// Every test: its template, its function, and what a model must have for it.
const TESTS: &[(&str, &str, Needs)] = &[
    ("parity", "every_output_is_that_of_the_published_implementation", |_| true),
    ("rows", "a_row_computes_alone_what_it_computes_in_a_batch", has_batch),
    ("padding", "padding_changes_nothing", |plan| has_batch(plan) && mask(plan).is_some()),
    ("repeat", "two_runs_are_equal", |_| true),
    ("resize", "another_size_between_two_runs_changes_nothing", has_batch),
    ("inputs", "wrong_inputs_are_refused_by_name", |_| true),
    ("weights", "missing_and_misshapen_weights_are_refused_by_name", |_| true),
    ("planned", "the_graph_is_the_one_that_was_planned", |_| true),
    ("cache", "the_cache_gives_what_no_cache_gives_at_every_step", generates),
    ("beams", "reordered_states_go_on_as_the_rows_they_became", reorders),
    ("memory", "memory_is_flat_over_100_runs", |_| true),
    ("windows", "memory_is_flat_over_20_windows", generates),
    ("device", "without_the_device_loading_says_why", |_| true),
];

/// Fields of [`Holes`] and [`BodyPage`] that templates ask about.
#[cfg(test)]
pub(super) const FLAGS: &[&str] = &["has_integers", "has_floats", "has_main"];

/// Whether a test makes sense for a model.
type Needs = fn(&CheckedPlan) -> bool;

/// What the pages `test.rs` and `test_platforms.rs` show.
#[derive(Serialize)]
struct Page {
    header: String,
    family: String,
    platforms: String,
    source: String,
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct Module {
    name: String,
    body: String,
}

/// What the page `test_body.rs` shows.
#[derive(Serialize)]
struct BodyPage {
    family: String,
    imports: String,
    variant: String,
    tolerance: String,
    names: Vec<&'static str>,
    has_main: bool,
    tests: Vec<String>,
}

/// What the pages of the tests show.
#[derive(Serialize)]
struct Holes {
    platform: String,
    input: String,
    data_type: &'static str,
    has_integers: bool,
    has_floats: bool,
    limits: Vec<Limit>,
    padded: String,
    mask: String,
    symbol: String,
    sizes: String,
    sizes_text: String,
    planned: Vec<Planned>,
}

#[derive(Serialize)]
struct Limit {
    input: String,
    /// An input of the same shape that every golden has.
    like: String,
    key: String,
}

/// The test file of a model: of one platform, or with a module for each of several.
pub fn test(plan: &CheckedPlan, platforms: &[&Platform], sources: &Sources) -> String {
    let names = platforms.iter().map(|platform| platform.name.value.as_str()).collect::<Vec<_>>().join(",");
    let command = format!("test --model {} --platform {names}", plan.family());
    let chosen: Vec<_> = TESTS.iter().filter(|(_, _, fits)| fits(plan)).collect();
    let templates: Vec<String> = chosen.iter().map(|(template, ..)| format!("tests/{template}.rs")).collect();
    let one = platforms.len() == 1;
    let page = if one { "test.rs" } else { "test_platforms.rs" };
    let mut used = vec![page, "test_body.rs"];
    used.extend(templates.iter().map(String::as_str));
    let functions: Vec<&'static str> = chosen.iter().map(|(_, name, _)| *name).collect();
    let module = |platform: &&Platform| {
        let text = body(plan, platform, &functions, &templates, one, sources);
        let body = if one { text } else { super::indented(&text) };
        Module { name: platform.name.value.clone(), body }
    };
    let content = Page {
        header: header(plan, command, platforms, &used, sources),
        family: plan.family().to_owned(),
        platforms: names,
        source: plan.plan().spec.source.clone(),
        modules: platforms.iter().map(module).collect(),
    };
    page::fill(page, &content, sources)
}

/// Everything below the head of a test file, or in the module of a platform.
fn body(
    plan: &CheckedPlan,
    platform: &Platform,
    names: &[&'static str],
    templates: &[String],
    has_main: bool,
    sources: &Sources,
) -> String {
    let holes = holes(plan, platform);
    let tests: Vec<String> = templates.iter().map(|template| page::fill(template, &holes, sources)).collect();
    let tolerances = &plan.plan().spec.reference.tolerance;
    let tolerance = tolerances.iter().find(|(precision, _)| precision == "float32").map_or(1e-4, |(_, tolerance)| *tolerance);
    let variant = RuntimePlatform::from_name(&platform.name.value).map_or_else(String::new, |platform| format!("{platform:?}"));
    let mut words = BTreeSet::from(["Context", "Platform", "Skillset", "Test", "TestResult", "tests"].map(str::to_owned));
    for test in &tests {
        match test.parse() {
            Ok(tokens) => print::words(&tokens, &mut words),
            Err(_) => continue,
        }
    }
    let page = BodyPage {
        family: plan.family().to_owned(),
        imports: imports::test_imports(&words, plan.family()),
        variant,
        tolerance: format!("{tolerance:?}"),
        names: names.to_vec(),
        has_main,
        tests,
    };
    page::fill("test_body.rs", &page, sources)
}

fn holes(plan: &CheckedPlan, platform: &Platform) -> Holes {
    let model = plan.plan();
    // What every head must be given comes first: every golden has it.
    let everywhere = |input: &&Input| model.classes().all(|head| head.inputs.contains(&input.name));
    let of_a_head = |input: &&Input| model.classes().any(|head| head.inputs.contains(&input.name));
    let required = || model.inputs.iter().filter(|input| input.default.is_none()).filter(of_a_head);
    let first = required().find(everywhere).or_else(|| required().next()).or(model.inputs.first());
    let texts = |input: &Input| input.shape.iter().map(|size| size.text.clone()).collect::<Vec<_>>();
    let limits: Vec<Limit> = model
        .inputs
        .iter()
        .filter(of_a_head)
        .filter_map(|input| {
            let like = required().find(|like| !like.data_type.is_float() && texts(like) == texts(input))?;
            Some(Limit { input: input.name.clone(), like: like.name.clone(), key: input.below.clone()? })
        })
        .collect();
    let sizes: Vec<(String, usize)> = model
        .spec
        .dimensions
        .iter()
        .map(|dimension| dimension.name.value.clone())
        .filter_map(|name| {
            let size = *plan.usual_sizes().get(&name)?;
            Some((name, size))
        })
        .collect();
    let (mask, symbol) = mask(plan).unwrap_or_default();
    let has_symbol = |input: &&Input| input.shape.iter().any(|size| size.text == symbol);
    let padded = required().find(has_symbol).map_or_else(String::new, |input| input.name.clone());
    let has_integers = first.is_some_and(|first| !first.data_type.is_float());
    Holes {
        platform: platform.name.value.clone(),
        input: first.map_or_else(String::new, |first| first.name.clone()),
        data_type: first.map_or("", |first| first.data_type.name()),
        has_integers,
        has_floats: !has_integers,
        limits,
        padded,
        mask,
        symbol,
        sizes: sizes.iter().map(|(name, size)| format!("({name:?}, {size})")).collect::<Vec<_>>().join(", "),
        sizes_text: sizes.iter().map(|(name, size)| format!("{name} {size}")).collect::<Vec<_>>().join(", "),
        planned: plan.planned().to_vec(),
    }
}

/// The input that hides positions, and the dimension along which it does.
fn mask(plan: &CheckedPlan) -> Option<(String, String)> {
    plan.plan().inputs.iter().find_map(|input| Some((input.name.clone(), input.masks.clone()?)))
}

/// True where the first axis of every head's inputs is the batch.
fn has_batch(plan: &CheckedPlan) -> bool {
    let model = plan.plan();
    let of_a_head = |input: &&Input| model.classes().any(|head| head.inputs.contains(&input.name));
    model.inputs.iter().filter(of_a_head).all(|input| {
        input.shape.first().is_some_and(|size| matches!(&size.node, TypedNode::Name(NameKind::Dimension, name) if name == "batch"))
    })
}

/// True where a head's outputs are made one token at a time.
fn generates(plan: &CheckedPlan) -> bool {
    plan.plan().heads.iter().any(|head| head.generation.is_some())
}

/// True where the states of a generation can be put in another order.
fn reorders(plan: &CheckedPlan) -> bool {
    let generations = plan.plan().heads.iter().filter_map(|head| head.generation.as_ref());
    generations.into_iter().any(|generation| generation.spec.reorder.is_some() && generation.spec.order.is_some())
}

//! The generated tests as a program for a browser: the page asks what there is, gives the goldens, and runs one test after another.
//!
//! The lists are those of `cargo test`: `generated/tests/*.rs`, compiled here as modules.

mod conformance;
mod fetched;
mod loss;
mod shaders;
mod suite;

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

use suite::{Suite, suite};

mod generated {
    use super::{Suite, suite};
    include!(concat!(env!("OUT_DIR"), "/suites.rs"));
}

thread_local! {
    static SUITES: Vec<Suite> = generated::all().into_iter().chain([shaders::suite()]).chain(conformance::suites()).chain([loss::suite()]).collect();
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Must be called first: keeps what a panic says for [`last_panic`].
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| PANIC.with(|panic| *panic.borrow_mut() = Some(info.to_string()))));
}

/// What the last panic said. The program is of no use after it: the page loads it anew.
#[wasm_bindgen]
pub fn last_panic() -> Option<String> {
    PANIC.with(|panic| panic.borrow_mut().take())
}

/// The tests, as JSON: `[{"suite", "family", "platform", "tests": [name, …]}, …]`.
#[wasm_bindgen]
pub fn suites() -> String {
    SUITES.with(|suites| serde_json::to_string(suites)).unwrap_or_default()
}

/// Takes one file of a golden.
#[wasm_bindgen]
pub fn add_golden_file(family: &str, golden: &str, file: &str, bytes: Vec<u8>) {
    fetched::add(family, golden, file, bytes);
}

/// Takes one file of the W3C's conformance vectors; before [`suites`].
#[wasm_bindgen]
pub fn add_conformance_file(operator: &str, text: &str) {
    conformance::add(operator, text);
}

/// Takes one shader of the runtime's unit tests; before [`suites`].
#[wasm_bindgen]
pub fn add_shader(name: &str, text: &str) {
    shaders::add(name, text);
}

/// Takes what a browser was measured to compute of the vectors on one platform, as JSON; before [`suites`].
///
/// **Errors** a text that is no such record.
#[wasm_bindgen]
pub fn add_measured(json: &str) -> Result<(), String> {
    conformance::add_measured(json)
}

/// Takes the cases that ended the page when they were run before, as JSON: `[{"test", "case", "reason"}, …]`; before [`suites`].
///
/// **Errors** a text that is no such list.
#[wasm_bindgen]
pub fn set_ended(json: &str) -> Result<(), String> {
    conformance::set_ended(json)
}

/// Runs one test; the result as JSON: `{"status": "ok" | "FAILED" | "ignored", "message", "ms"}`, and of vectors the `record`.
#[wasm_bindgen]
pub async fn run(suite: usize, test: usize) -> String {
    let started = web_time::Instant::now();
    let run = SUITES.with(|suites| suites.get(suite).map(|suite| (suite.run)(test)));
    let name = SUITES.with(|suites| suites.get(suite).and_then(|suite| Some(format!("{}::{}", suite.suite, suite.tests.get(test)?))));
    let (status, message) = match run {
        Some(run) => run.await,
        None => ("FAILED", format!("there is no suite {suite}")),
    };
    let mut result = serde_json::json!({ "status": status, "message": message, "ms": started.elapsed().as_secs_f64() * 1e3 });
    if let Some(record) = name.and_then(|name| conformance::take_record(&name)) {
        result["record"] = record;
    }
    result.to_string()
}

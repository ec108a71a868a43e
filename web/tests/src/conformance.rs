//! The W3C's conformance vectors on the platforms of the browser: one test per operator. The graph that is built here is the one that the
//! native suite builds; what differs is who computes it.
//!
//! A case that fails is a failure unless the suite's list of known failures has it; one that is listed and passes is a failure too. In the browser and on
//! the adapter of a committed record (`runtime/tests/conformance/browsers`), a case that comes out otherwise than it has is a failure.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ipfs_accelerate_runtime::error::Error;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::Device;
use ipfs_accelerate_runtime::weights::Fit;
use ipfs_accelerate_runtime::{Graph, Tensor};
use js_sys::{Function, Promise, Reflect};
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::suite::{Suite, Verdict, device, forget};

#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/case.rs"]
mod case;
#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/expected.rs"]
mod expected;
#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/measured.rs"]
mod measured;
#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/vectors.rs"]
mod vectors;

use expected::{Expected, Outcome};
use measured::{Measured, to_json};
use vectors::Stop;

/// A case that ended the page or silenced it, when it was run before: it has failed, and is not run again.
#[derive(Clone, Debug, serde::Deserialize)]
struct Ended {
    test: String,
    case: String,
    reason: String,
}

thread_local! {
    static FILES: RefCell<BTreeMap<String, String>> = RefCell::default();
    static MEASURED: RefCell<BTreeMap<String, Rc<Measured>>> = RefCell::default();
    static ENDED: RefCell<Vec<Ended>> = RefCell::default();
    static RECORDS: RefCell<BTreeMap<String, Value>> = RefCell::default();
}

pub(crate) fn add(operator: &str, text: &str) {
    FILES.with(|files| files.borrow_mut().insert(operator.to_owned(), text.to_owned()));
}

pub(crate) fn add_measured(text: &str) -> Result<(), String> {
    let measured = Measured::parse(text).map_err(|error| format!("a record of what was measured: {error}"))?;
    MEASURED.with(|known| known.borrow_mut().insert(measured.backend.clone(), Rc::new(measured)));
    Ok(())
}

pub(crate) fn set_ended(json: &str) -> Result<(), String> {
    let ended = serde_json::from_str(json).map_err(|error| format!("cases that ended the page: {error}"))?;
    ENDED.with(|known| *known.borrow_mut() = ended);
    Ok(())
}

/// What came of the cases of a test, once; none where it is no test of vectors.
pub(crate) fn take_record(test: &str) -> Option<Value> {
    RECORDS.with(|records| records.borrow_mut().remove(test))
}

/// One suite per platform; none where no vectors were fetched.
pub(crate) fn suites() -> Vec<Suite> {
    let files: Vec<(String, String)> = FILES.with(|files| files.take()).into_iter().collect();
    if files.is_empty() {
        return Vec::new();
    }
    let suite = |platform: Platform| {
        let files = files.clone();
        let tests = files.iter().map(|(name, _)| name.clone()).collect();
        let run = move |index: usize| -> std::pin::Pin<Box<dyn Future<Output = Verdict>>> {
            let (operator, text) = files.get(index).cloned().unwrap_or_default();
            Box::pin(async move { run(platform, &operator, &text).await.unwrap_or_else(|error| ("FAILED", error)) })
        };
        Suite { suite: format!("conformance_{platform}"), family: "", platform: platform.name(), tests, run: Box::new(run) }
    };
    Platform::ALL.into_iter().map(suite).collect()
}

async fn run(platform: Platform, operator: &str, text: &str) -> Result<Verdict, String> {
    let cases: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let adapter = match device(platform).await {
        Ok(device) => adapter(&device),
        Err(error) => return Ok(("ignored", error.to_string())),
    };
    let expected = Expected::read()?;
    let test = format!("conformance_{platform}::{operator}");
    let ended = ENDED.with(|ended| ended.borrow().iter().filter(|ended| ended.test == test).cloned().collect::<Vec<_>>());
    let record = MEASURED.with(|known| known.borrow().get(platform.name()).cloned());
    let measured = record.as_ref().filter(|record| record.adapter == adapter);
    let (mut passed, mut failures, mut listed, mut unsupported) = (0, Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut not_passed = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap_or_default();
        let outcome = match ended.iter().find(|ended| ended.case == name) {
            Some(ended) => Outcome::Failed(ended.reason.clone()),
            None => {
                tell(name);
                outcome(platform, case).await
            }
        };
        let outcome = expected.judge(platform.name(), &adapter, operator, name, outcome);
        not_passed.extend(to_json(operator, name, &outcome));
        let told = measured.filter(|_| !expected.varies(platform.name(), &adapter, operator, name));
        let drift = told.and_then(|measured| measured.drift(operator, name, &outcome));
        match outcome {
            Outcome::Failed(reason) => failures.push(format!("{name}: {reason}")),
            outcome => {
                failures.extend(drift.map(|drift| format!("{name}: {drift}; `cargo xtask web-test --record` writes it anew")));
                match outcome {
                    Outcome::Expected(reason) => *listed.entry(reason).or_insert(0) += 1,
                    Outcome::Unsupported(reason) => *unsupported.entry(reason).or_insert(0) += 1,
                    Outcome::Passed | Outcome::Failed(_) => passed += 1,
                }
            }
        }
    }
    let results = json!({ "backend": platform.name(), "adapter": adapter, "cases": cases.len(), "not_passed": not_passed });
    RECORDS.with(|records| records.borrow_mut().insert(test, results));
    let mut words = format!("{passed} cases");
    for (what, reasons) in [("failed as listed", listed), ("unsupported", unsupported)] {
        for (reason, count) in reasons {
            words += &format!("; {count} {what}: {reason}");
        }
    }
    if let Some(record) = record.as_ref().filter(|_| measured.is_none()) {
        words += &format!("; not compared: the record is of {}", record.adapter);
    }
    if !failures.is_empty() {
        return Err(format!("{words}\n{}", failures.join("\n")));
    }
    Ok((if passed == 0 { "ignored" } else { "ok" }, words))
}

/// The adapter, and the browser that gives it: neither says enough alone.
fn adapter(device: &Device) -> String {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let agent = Reflect::get(&navigator, &"userAgent".into()).ok().and_then(|agent| agent.as_string()).unwrap_or_default();
    let name = Reflect::get(&js_sys::global(), &"adapterName".into()).ok().and_then(|name| name.as_string());
    let description = match name.filter(|name| device.platform() == Platform::WebGpu && !name.is_empty()) {
        Some(name) => format!("{name}, {}", device.description()),
        None => device.description(),
    };
    let products = agent.split(' ').filter(|product| product.contains('/') && !product.starts_with("Mozilla/"));
    let own = products.filter(|product| !product.starts_with("AppleWebKit/") && !product.starts_with("Safari/")).last();
    match own.filter(|own| !description.contains(own)) {
        Some(own) => format!("{description} of {own}"),
        None => description,
    }
}

/// Tells the page which case is next, so that one that ends the page is known.
fn tell(case: &str) {
    let function = Reflect::get(&js_sys::global(), &"tellCase".into()).ok().and_then(|function| function.dyn_into::<Function>().ok());
    // A page that does not listen loses no result.
    let _ = function.map(|function| function.call1(&JsValue::UNDEFINED, &case.into()));
}

/// Tells that the case has taken the browser's device with it. A browser that is driven is started anew then, without the case, and this
/// does not return: one whose GPU process ended may open no device again.
async fn end(reason: &str) {
    let function = Reflect::get(&js_sys::global(), &"endCase".into()).ok().and_then(|function| function.dyn_into::<Function>().ok());
    if let Some(promise) = function.and_then(|function| function.call1(&JsValue::UNDEFINED, &reason.into()).ok()) {
        // It never settles.
        let _ = JsFuture::from(Promise::resolve(&promise)).await;
    }
}

async fn outcome(platform: Platform, case: &Value) -> Outcome {
    let found = match vectors::build(&case["graph"]) {
        Ok((graph, inputs)) => match compute(platform, &graph, inputs).await {
            Ok(found) => vectors::check(case, &found),
            Err(error) => {
                if matches!(error, Error::DeviceLost { .. }) {
                    end(&error.to_string()).await;
                    forget(platform);
                }
                Err(error.into())
            }
        },
        Err(stop) => Err(stop),
    };
    match found {
        Ok(()) => Outcome::Passed,
        Err(Stop::Unsupported(reason)) => Outcome::Unsupported(reason),
        Err(Stop::Failed(reason)) => Outcome::Failed(reason),
    }
}

async fn compute(
    platform: Platform,
    graph: &Graph,
    inputs: impl IntoIterator<Item = (String, Tensor)>,
) -> Result<Vec<(String, Tensor)>, Error> {
    let device = device(platform).await?;
    device.check(graph)?;
    let mut session = device.compile(graph, &Fit::default()).await?;
    let inputs: Vec<(String, Tensor)> = inputs.into_iter().collect();
    let inputs: Vec<(&str, Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
    session.run(&inputs).await
}

//! The W3C's conformance vectors on the platforms of the browser: one test per operator. The graph that is built here is the one that the
//! native suite builds; what differs is who computes it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::Device;
use ipfs_accelerate_runtime::weights::Fit;
use serde_json::Value;

use crate::suite::{Suite, Verdict, device};

#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/case.rs"]
mod case;
#[allow(dead_code, missing_docs)]
#[path = "../../../runtime/tests/conformance/vectors.rs"]
mod vectors;

use vectors::Stop;

/// What this browser computes wrongly, as its spec has it. A case that passes all the same is a failure here, so that no spec outlives its
/// cause.
#[derive(Clone, Debug, serde::Deserialize)]
struct Gap {
    platform: String,
    cases: String,
    reason: String,
    source: String,
    date: String,
}

thread_local! {
    static GAPS: RefCell<Vec<Gap>> = RefCell::default();
    static FILES: RefCell<BTreeMap<String, String>> = RefCell::default();
}

pub(crate) fn add(operator: &str, text: &str) {
    FILES.with(|files| files.borrow_mut().insert(operator.to_owned(), text.to_owned()));
}

pub(crate) fn set_gaps(json: &str) -> Result<(), String> {
    let gaps = serde_json::from_str(json).map_err(|error| format!("known gaps: {error}"))?;
    GAPS.with(|known| *known.borrow_mut() = gaps);
    Ok(())
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
            let text = files.get(index).map(|(_, text)| text.clone()).unwrap_or_default();
            Box::pin(async move { run(platform, &text).await.unwrap_or_else(|error| ("FAILED", error)) })
        };
        Suite { suite: format!("conformance_{platform}"), family: "", platform: platform.name(), tests, run: Box::new(run) }
    };
    Platform::ALL.into_iter().map(suite).collect()
}

async fn run(platform: Platform, text: &str) -> Result<Verdict, String> {
    let cases: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let device = match device(platform).await {
        Ok(device) => device,
        Err(error) => return Ok(("ignored", error.to_string())),
    };
    let gaps = GAPS.with(|gaps| gaps.borrow().clone());
    let (mut failures, mut unsupported) = (Vec::new(), BTreeMap::new());
    for case in &cases {
        let name = case["name"].as_str().unwrap_or_default();
        let known = gaps.iter().find(|gap| gap.platform == platform.name() && name.contains(&gap.cases));
        match (run_case(&device, case).await, known) {
            (Ok(()), None) => {}
            (Ok(()), Some(gap)) => failures.push(format!("{name}: passes, but the browser's spec says: {}", gap.reason)),
            (Err(Stop::Failed(_)), Some(gap)) => {
                *unsupported.entry(format!("{} ({}, {})", gap.reason, gap.source, gap.date)).or_insert(0) += 1;
            }
            (Err(Stop::Failed(reason)), None) => failures.push(format!("{name}: {reason}")),
            (Err(Stop::Unsupported(reason)), _) => *unsupported.entry(reason).or_insert(0) += 1,
        }
    }
    let lacking: usize = unsupported.values().sum();
    let reasons: Vec<String> = unsupported.into_iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    let passed = cases.len() - failures.len() - lacking;
    if !failures.is_empty() {
        return Err(format!("{passed} passed, {} failed, {lacking} unsupported\n{}", failures.len(), failures.join("\n")));
    }
    let verdict = if passed == 0 { "ignored" } else { "ok" };
    let lacking = if lacking == 0 { String::new() } else { format!(", {lacking} unsupported: {}", reasons.join("; ")) };
    Ok((verdict, format!("{passed} cases{lacking}")))
}

async fn run_case(device: &Device, case: &Value) -> Result<(), Stop> {
    let (graph, inputs) = vectors::build(&case["graph"])?;
    device.check(&graph)?;
    let mut session = device.compile(&graph, &Fit::default()).await?;
    let inputs: Vec<(&str, Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
    vectors::check(case, &session.run(&inputs).await?)
}

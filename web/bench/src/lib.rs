//! The benchmark as a program for a browser: one model on one platform, run whenever the page says so.

use std::cell::RefCell;

use ipfs_accelerate_bench::{Failure, Reference, Subject};
use ipfs_accelerate_runtime::model::LoadOptions;
use ipfs_accelerate_runtime::platform::Platform;
use js_sys::{Array, Object, Uint8Array};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SUBJECT: RefCell<Option<Subject>> = const { RefCell::new(None) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Must be called first: keeps what a panic says for [`last_panic`].
#[wasm_bindgen(start)]
pub fn begin() {
    std::panic::set_hook(Box::new(|info| PANIC.with(|panic| *panic.borrow_mut() = Some(info.to_string()))));
}

/// What the last panic said.
#[wasm_bindgen]
pub fn last_panic() -> Option<String> {
    PANIC.with(|panic| panic.borrow_mut().take())
}

/// Loads, compiles, runs once and compares; one JSON object with the cold steps. `files` are the small ones beside the weights, `weights` the
/// checkpoint's own, by name.
#[wasm_bindgen]
pub async fn start(
    family: String,
    platform: String,
    config: String,
    files: Object,
    weights: Object,
    inputs: Uint8Array,
    outputs: Uint8Array,
    tolerance: f32,
) -> String {
    let made = async {
        let platform = Platform::from_name(&platform).ok_or_else(|| Failure::Failed(format!("there is no platform `{platform}`")))?;
        let reference = Reference::from_bytes(config, named(&files), named(&weights), &inputs.to_vec(), &outputs.to_vec())?;
        let options = LoadOptions { platform: Some(platform), ..LoadOptions::default() };
        Subject::start(&family, reference, &options, tolerance).await
    };
    match made.await {
        Ok((subject, start)) => {
            SUBJECT.set(Some(subject));
            let mut event = json!(start);
            event["event"] = "start".into();
            event.to_string()
        }
        Err(failure) => failure.to_json().to_string(),
    }
}

/// Bytes by name.
fn named(files: &Object) -> Vec<(String, Vec<u8>)> {
    let entries = Object::entries(files);
    let named = entries.iter().map(|entry| {
        let entry = Array::from(&entry);
        (entry.get(0).as_string().unwrap_or_default(), Uint8Array::new(&entry.get(1)).to_vec())
    });
    named.collect()
}

/// One warm run: `{"event": "run", "ms"}`.
#[wasm_bindgen]
pub async fn run() -> String {
    let Some(mut subject) = SUBJECT.take() else {
        return Failure::Failed("nothing was started".into()).to_json().to_string();
    };
    let event = match subject.run().await {
        Ok(ms) => json!({ "event": "run", "ms": ms }),
        Err(failure) => failure.to_json(),
    };
    SUBJECT.set(Some(subject));
    event.to_string()
}

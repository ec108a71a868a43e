//! The browser's GPU process ends, as it does when a driver fails: what ran there is lost, is told so, and goes on elsewhere.
//!
//! It is the last suite: every device of the page is lost by it.

use ipfs_accelerate_runtime::error::Error;
use ipfs_accelerate_runtime::model::{LoadOptions, Model};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::skill::Skill;
use ipfs_accelerate_runtime::testing::{Outcome, expect_close};
use ipfs_accelerate_skills::bert::Skillset;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::fetched;
use crate::suite::{Suite, Verdict};

/// Runs after which a loss must have been told, with a tenth of a second between two.
const TRIES: u32 = 30;

pub(crate) fn suite() -> Suite {
    let run = |_| -> std::pin::Pin<Box<dyn Future<Output = Verdict>>> {
        Box::pin(async {
            match crash().await {
                Ok(words) => ("ok", words),
                Err(Outcome::Failed(message)) => ("FAILED", message),
                Err(Outcome::Skipped(reason)) => ("ignored", reason),
            }
        })
    };
    let tests = vec!["a_crash_of_the_gpu_process_is_told_and_survived".to_owned()];
    Suite { suite: "loss".to_owned(), family: Skillset::FAMILY, platform: Platform::WebGpu.name(), tests, run: Box::new(run) }
}

/// One model on WebGPU and one on WebNN, each with the processor as the last resort: a browser may start the process again or not.
async fn crash() -> Result<String, Outcome> {
    let goldens = fetched::goldens(Skillset::FAMILY)?;
    let golden = goldens.first().ok_or_else(|| Outcome::Failed("there are no goldens".into()))?;
    let mut models = Vec::new();
    for (platform, forbidden) in [(Platform::WebGpu, Platform::WebNn), (Platform::WebNn, Platform::WebGpu)] {
        let options = LoadOptions { forbidden: vec![forbidden], ..LoadOptions::default() };
        let mut model = Model::<Skillset>::load(&golden.checkpoint, &options).await?;
        let run = model.run(&golden.inputs, &[]).await?;
        if model.report().platform == platform {
            models.push((model, run));
        }
    }
    let crash = Reflect::get(&js_sys::global(), &"crashGpu".into()).ok().and_then(|crash| crash.dyn_into::<Function>().ok());
    let Some(crash) = crash.filter(|_| !models.is_empty()) else {
        return Err(Outcome::Skipped("there is no GPU process here that can be ended from outside".into()));
    };
    crash.call0(&JsValue::UNDEFINED).map_err(|error| Outcome::Failed(format!("{error:?}")))?;
    let mut words = Vec::new();
    for (model, expected) in &mut models {
        let before = model.report().platform;
        let mut tries = 0;
        loop {
            match model.run(&golden.inputs, &[]).await {
                Err(Error::DeviceLost { .. }) => break,
                Err(error) => return Err(Outcome::Failed(format!("{before} after the crash: {error}, which is no `DeviceLost`"))),
                Ok(_) if tries == TRIES => return Err(Outcome::Failed(format!("{before}: the crash was not noticed"))),
                Ok(_) => pause(100).await,
            }
            tries += 1;
        }
        model.reload().await?;
        let found = model.run(&golden.inputs, &[]).await?;
        for ((name, found), (_, expected)) in found.outputs.iter().zip(&expected.outputs) {
            expect_close(&format!("{name} on {before} before the crash, and after it"), found, expected, 2e-4)?;
        }
        words.push(format!("{before} to {}", model.report().platform));
    }
    Ok(words.join(", "))
}

async fn pause(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let timer = Reflect::get(&js_sys::global(), &"setTimeout".into()).ok().and_then(|timer| timer.dyn_into::<Function>().ok());
        let _ = timer.map(|timer| timer.call2(&JsValue::UNDEFINED, &resolve, &milliseconds.into()));
    });
    // It never rejects.
    let _ = JsFuture::from(promise).await;
}

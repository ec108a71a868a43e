//! The browser's GPU process ends, as it does when a driver fails: what ran there is lost, is told so, and comes back.
//!
//! It is the last suite: every device of the page is lost by it.

use ipfs_accelerate_runtime::error::Error;
use ipfs_accelerate_runtime::model::{LoadOptions, Model};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::skill::Skill;
use ipfs_accelerate_runtime::testing::{Outcome, TestResult, expect_equal};
use ipfs_accelerate_skills::bert::Skillset;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::fetched;
use crate::suite::{Suite, Verdict};

/// Runs after which a loss must have been told, and tries after which a new device must be there: each waits a little longer.
const TRIES: u32 = 30;

pub(crate) fn suites() -> [Suite; 2] {
    [Platform::WebGpu, Platform::WebNn].map(|platform| {
        let run = move |_| -> std::pin::Pin<Box<dyn Future<Output = Verdict>>> {
            Box::pin(async move {
                match crash(platform).await {
                    Ok(()) => ("ok", String::new()),
                    Err(Outcome::Failed(message)) => ("FAILED", message),
                    Err(Outcome::Skipped(reason)) => ("ignored", reason),
                }
            })
        };
        let tests = vec!["a_crash_of_the_gpu_process_is_told_and_healed".to_owned()];
        Suite { suite: format!("loss_{platform}"), family: Skillset::FAMILY, platform: platform.name(), tests, run: Box::new(run) }
    })
}

async fn crash(platform: Platform) -> TestResult {
    let goldens = fetched::goldens(Skillset::FAMILY)?;
    let golden = goldens.first().ok_or_else(|| Outcome::Failed("there are no goldens".into()))?;
    let options = LoadOptions { platform: Some(platform), ..LoadOptions::default() };
    let mut model = match Model::<Skillset>::load(&golden.checkpoint, &options).await {
        Err(error @ Error::Unavailable { .. }) => return Err(Outcome::Skipped(error.to_string())),
        model => model?,
    };
    let expected = model.run(&golden.inputs, &[]).await?;
    let crash = Reflect::get(&js_sys::global(), &"crashGpu".into()).ok().and_then(|crash| crash.dyn_into::<Function>().ok());
    let Some(crash) = crash else {
        return Err(Outcome::Skipped("this browser's GPU process cannot be ended from outside".into()));
    };
    crash.call0(&JsValue::UNDEFINED).map_err(|error| Outcome::Failed(format!("{error:?}")))?;
    let mut tries = 0;
    loop {
        match model.run(&golden.inputs, &[]).await {
            Err(Error::DeviceLost { .. }) => break,
            Err(error) => return Err(Outcome::Failed(format!("after the crash: {error}"))),
            Ok(_) if tries == TRIES => return Err(Outcome::Failed("the crash was not noticed".into())),
            Ok(_) => pause(100).await,
        }
        tries += 1;
    }
    let mut tries = 0;
    // The browser needs a moment to start the process again.
    while let Err(error) = model.reload().await {
        tries += 1;
        if tries == TRIES {
            return Err(Outcome::Failed(format!("no device came back: {error}")));
        }
        pause(100 * tries).await;
    }
    let found = model.run(&golden.inputs, &[]).await?;
    expect_equal("outputs before and after", &found.outputs, &expected.outputs)
}

async fn pause(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let timer = Reflect::get(&js_sys::global(), &"setTimeout".into()).ok().and_then(|timer| timer.dyn_into::<Function>().ok());
        let _ = timer.map(|timer| timer.call2(&JsValue::UNDEFINED, &resolve, &milliseconds.into()));
    });
    // It never rejects.
    let _ = JsFuture::from(promise).await;
}

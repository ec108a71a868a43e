//! A generated list behind one type, whatever its model.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions};
use ipfs_accelerate_runtime::skill::Skill;
use ipfs_accelerate_runtime::testing::{Context, Outcome, Test, TestResult, all};
use serde::Serialize;

use crate::fetched;

/// `ok`, `FAILED` or `ignored`, and why.
pub(crate) type Verdict = (&'static str, String);

/// A generated file, or the conformance vectors on a platform.
#[derive(Serialize)]
pub(crate) struct Suite {
    pub(crate) suite: String,
    pub(crate) family: &'static str,
    pub(crate) platform: &'static str,
    pub(crate) tests: Vec<String>,
    #[serde(skip)]
    pub(crate) run: Box<dyn Fn(usize) -> Pin<Box<dyn Future<Output = Verdict>>>>,
}

/// The suite of a file; none where its platform is not one of the runtime's.
pub(crate) fn suite<S: Skill>(name: &'static str, platform: &'static str, tests: &'static [Test<S>]) -> Option<Suite> {
    let on = Platform::from_name(platform)?;
    let (names, tests): (Vec<String>, Vec<&'static Test<S>>) = all(on, tests).into_iter().unzip();
    let run = move |index: usize| -> Pin<Box<dyn Future<Output = Verdict>>> { Box::pin(run(on, tests.get(index).copied())) };
    Some(Suite { suite: name.to_owned(), family: S::FAMILY, platform, tests: names, run: Box::new(run) })
}

async fn run<S: Skill>(platform: Platform, test: Option<&'static Test<S>>) -> Verdict {
    match attempt(platform, test).await {
        Ok(()) => ("ok", String::new()),
        Err(Outcome::Failed(message)) => ("FAILED", message),
        Err(Outcome::Skipped(reason)) => ("ignored", reason),
    }
}

async fn attempt<S: Skill>(platform: Platform, test: Option<&'static Test<S>>) -> TestResult {
    let test = test.ok_or_else(|| Outcome::Failed("there is no such test".into()))?;
    let context = Context::<S>::with_goldens(platform, fetched::goldens(S::FAMILY)?);
    let mut open = Vec::new();
    for platform in Platform::ALL {
        // Where there is none, the test itself says what is missing.
        open.extend(device(platform).await.ok());
    }
    (test.run)(&context.on(open)).await
}

thread_local! {
    static OPEN: RefCell<BTreeMap<Platform, Device>> = RefCell::default();
}

/// Opens the platform's device anew when it is next asked for: this one was lost.
pub(crate) fn forget(platform: Platform) {
    OPEN.with(|open| open.borrow_mut().remove(&platform));
}

/// The platform's device, opened once for all tests.
pub(crate) async fn device(platform: Platform) -> ipfs_accelerate_runtime::Result<Device> {
    if let Some(device) = OPEN.with(|open| open.borrow().get(&platform).map(Device::for_another_checkpoint)) {
        return Ok(device);
    }
    let device = Device::open(platform, &DeviceOptions::default()).await?;
    OPEN.with(|open| open.borrow_mut().insert(platform, device.clone()));
    Ok(device)
}

//! The shaders of the runtime's unit tests, held against this browser's compiler: natively another one has taken them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::Device;

use crate::suite::{Suite, Verdict, device};

thread_local! {
    static SHADERS: RefCell<BTreeMap<String, String>> = RefCell::default();
}

pub(crate) fn add(name: &str, text: &str) {
    SHADERS.with(|shaders| shaders.borrow_mut().insert(name.to_owned(), text.to_owned()));
}

pub(crate) fn suite() -> Suite {
    let run = |_| -> std::pin::Pin<Box<dyn Future<Output = Verdict>>> { Box::pin(check()) };
    let tests = vec!["those_of_the_unit_tests_are_taken".to_owned()];
    Suite { suite: "shaders".to_owned(), family: "", platform: Platform::WebGpu.name(), tests, run: Box::new(run) }
}

async fn check() -> Verdict {
    let shaders = SHADERS.with(|shaders| shaders.borrow().clone());
    if shaders.is_empty() {
        return (
            "ignored",
            "there are none; `KEEP_SHADERS=$PWD/target/web/shaders cargo test -p ipfs-accelerate-runtime --lib webgpu` leaves them".into(),
        );
    }
    let device = match device(Platform::WebGpu).await {
        Ok(Device::WebGpu(device)) => device,
        Ok(_) => return ("FAILED", "this is no WebGPU device".into()),
        Err(error) => return ("ignored", error.to_string()),
    };
    let mut refused = Vec::new();
    for (name, text) in &shaders {
        refused.extend(device.check_shader(name, text).await.err().map(|error| error.to_string()));
    }
    if refused.is_empty() { ("ok", format!("{} shaders", shaders.len())) } else { ("FAILED", refused.join("\n")) }
}

//! What the backends of a browser share.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Milliseconds in which a browser tells that a device was lost, after a call on it has failed.
const GRACE_MS: [u32; 4] = [0, 10, 50, 200];

/// Lets the page's other tasks run until `is_known`, for a moment at most: a call on a lost device fails before its loss is told.
pub(super) async fn until(is_known: impl Fn() -> bool) {
    for milliseconds in GRACE_MS {
        if is_known() {
            return;
        }
        let promise = Promise::new(&mut |resolve, _| {
            let global: JsValue = js_sys::global().into();
            let timer = Reflect::get(&global, &"setTimeout".into()).ok().and_then(|timer| timer.dyn_into::<Function>().ok());
            if timer.is_none_or(|timer| timer.call2(&global, &resolve, &milliseconds.into()).is_err()) {
                // Where there is no timer, one turn of the microtasks must do.
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        });
        // It never rejects.
        let _ = JsFuture::from(promise).await;
    }
}

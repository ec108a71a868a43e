//! How a caller follows a long run and stops it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Inputs, windows or tokens done.
    pub done: usize,
    /// Of how many, where that is known.
    pub total: usize,
}

/// A switch that another thread, or another task of the same one, may throw. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks the run to stop at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once [`Cancellation::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a run reports to, and what it watches.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    /// Called after every step.
    pub progress: Option<&'a dyn Fn(Progress)>,
    /// Looked at before every step.
    pub cancellation: Option<&'a Cancellation>,
}

impl Control<'_> {
    /// Before a step. In a browser the page may draw and hear its user meanwhile: a model on the CPU leaves it no other time.
    ///
    /// **Errors** [`Error::Cancelled`].
    pub(crate) async fn check(&self) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        page::attend().await;
        if self.cancellation.is_some_and(Cancellation::is_cancelled) { Err(Error::Cancelled) } else { Ok(()) }
    }

    pub(crate) fn report(&self, done: usize, total: usize) {
        if let Some(progress) = self.progress {
            progress(Progress { done, total });
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod page {
    use std::cell::Cell;

    use js_sys::{Function, Promise, Reflect};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    /// Longest that a page waits for us, in ms.
    const PATIENCE: f64 = 50.0;

    thread_local! {
        static LAST: Cell<f64> = const { Cell::new(0.0) };
    }

    /// Lets the page do what waits, where it has waited long enough.
    pub(super) async fn attend() {
        if js_sys::Date::now() - LAST.get() < PATIENCE {
            return;
        }
        let global = js_sys::global();
        if let Ok(timer) = Reflect::get(&global, &"setTimeout".into()).and_then(|timer| timer.dyn_into::<Function>()) {
            // A timer that fails leaves nothing to wait for.
            let wait = |resolve: Function, _| {
                if timer.call2(&global, &resolve, &JsValue::from(0)).is_err() {
                    let _ = resolve.call0(&JsValue::UNDEFINED);
                }
            };
            let _ = JsFuture::from(Promise::new(&mut { wait })).await;
        }
        LAST.set(js_sys::Date::now());
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("progress", &self.progress.is_some()).field("cancellation", &self.cancellation).finish()
    }
}

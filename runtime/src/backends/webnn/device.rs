//! A context of the browser's WebNN, and what it tells of itself.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::compile::Compiled;
use super::js::{self, Thrown};
use super::resident::Resident;
use super::{Limits, PLATFORM};
use crate::bindings::Bindings;
use crate::error::{Error, Result};
use crate::graph::{Graph, OperandDescriptor};
use crate::tensor::Tensor;

/// Ways to ask for a context that computes on an accelerator, the newest revision of the specification first; members that a browser does
/// not know are passed over by it. The last asks for nothing.
const REQUESTS: &[&[(&str, &str)]] = &[&[("powerPreference", "high-performance"), ("deviceType", "gpu")], &[("deviceType", "cpu")], &[]];

/// Gives a weight by its name in the graph.
pub(super) type Loader<'a> = dyn Fn(&str, &OperandDescriptor) -> Result<Tensor> + 'a;

/// An open WebNN context. Clones are the same context.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) shared: Rc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: JsValue,
    report: ContextReport,
    lost: Rc<RefCell<Option<String>>>,
}

/// What the browser tells of a context. It names no device: `accelerated` is all that the specification has, and not every revision of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContextReport {
    /// The browser, as it names itself.
    pub user_agent: String,
    /// The options that it took.
    pub request: String,
    /// What was asked for before, and why it was refused.
    pub refused: Vec<String>,
    /// What `context.accelerated` says, where it is there.
    pub accelerated: Option<bool>,
    /// What it computes.
    pub limits: Limits,
}

impl Device {
    /// Opens a context.
    ///
    /// **Errors** [`Error::Unavailable`] where the browser has no WebNN or refuses every request for a context.
    pub async fn open() -> Result<Self> {
        let unavailable = |reason: String| Error::Unavailable { platform: PLATFORM.into(), reason };
        let navigator =
            js::get(&js::global(), "navigator").ok().flatten().ok_or_else(|| unavailable("there is no `navigator` here".into()))?;
        let user_agent = js::get(&navigator, "userAgent").ok().flatten().and_then(|text| text.as_string()).unwrap_or_default();
        let ml = js::get(&navigator, "ml").map_err(&unavailable)?;
        let ml = ml.ok_or_else(|| unavailable(format!("this browser has no WebNN: `navigator.ml` is not there ({user_agent})")))?;
        let mut refused = Vec::new();
        for request in REQUESTS {
            let text = request.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ");
            let options = js::object(request.iter().map(|(name, value)| (*name, JsValue::from(*value))));
            match js::call_async(&ml, "createContext", &[&options]).await {
                Ok(context) => return Self::with(context, user_agent, text, refused).map_err(unavailable),
                Err(error) => refused.push(format!("{{{text}}}: {error}")),
            }
        }
        Err(unavailable(refused.join("; ")))
    }

    fn with(context: JsValue, user_agent: String, request: String, refused: Vec<String>) -> std::result::Result<Self, Thrown> {
        let limits = js::call(&context, "opSupportLimits", &[])?;
        let limits = js_sys::JSON::stringify(&limits).map_err(|error| js::words(&error))?;
        let limits = Limits::from_json(&String::from(limits)).map_err(|error| error.to_string())?;
        let accelerated = js::get(&context, "accelerated")?.and_then(|flag| flag.as_bool());
        let lost = Rc::new(RefCell::new(None));
        if let Some(promise) = js::get(&context, "lost")? {
            let kept = Rc::clone(&lost);
            spawn_local(async move {
                let reason = match js::wait(promise).await {
                    Ok(info) => js::get(&info, "message").ok().flatten().and_then(|text| text.as_string()).unwrap_or_default(),
                    Err(error) => error,
                };
                *kept.borrow_mut() = Some(reason);
            });
        }
        let report = ContextReport { user_agent, request, refused, accelerated, limits };
        Ok(Self { shared: Rc::new(Shared { context, report, lost }) })
    }

    /// The context in one line, as far as the browser tells.
    pub fn description(&self) -> String {
        let report = &self.shared.report;
        let accelerated = match report.accelerated {
            Some(true) => "accelerated",
            Some(false) => "not accelerated",
            None => "what computes is not told",
        };
        let request = if report.request.is_empty() { "nothing" } else { &report.request };
        format!("WebNN of {}; asked for {request}; {accelerated}", browser(&report.user_agent))
    }

    /// What the browser told.
    pub fn report(&self) -> &ContextReport {
        &self.shared.report
    }

    /// Holds a graph against what this browser computes; touches no weight.
    ///
    /// **Errors** [`Error::Unsupported`].
    pub fn check(&self, graph: &Graph) -> Result<()> {
        self.shared.report.limits.check(graph)
    }

    /// Builds a graph with its weights in the browser. WebNN's constants belong to one graph: no two share them.
    ///
    /// **Errors** [`Error::Unsupported`] for what this browser lacks, the errors of `load`, [`Error::Device`] with what it threw.
    pub async fn compile(&self, graph: &Graph, load: &Loader<'_>) -> Result<Compiled> {
        self.compile_bound(graph, load, &Bindings::new()).await
    }

    /// As [`Self::compile`], with inputs and outputs that stay in the browser's memory.
    ///
    /// **Errors** as [`Self::compile`]; [`Error::ForeignTensor`].
    pub async fn compile_bound(&self, graph: &Graph, load: &Loader<'_>, bindings: &Bindings) -> Result<Compiled> {
        self.check(graph)?;
        Compiled::new(Rc::clone(&self.shared), graph, load, bindings).await
    }

    /// A tensor in the browser's memory.
    ///
    /// **Errors** [`Error::Unsupported`], [`Error::Device`] with what it threw.
    pub async fn resident(&self, initial: &Tensor) -> Result<Resident> {
        Resident::new(&self.shared, initial).await
    }

    /// Gives the context's memory back at once; what is compiled fails from here on. For tests of device loss.
    pub fn destroy(&self) {
        // A context without `destroy` leaves its memory to the garbage collector.
        let _ = js::call(&self.shared.context, "destroy", &[]);
    }
}

impl Shared {
    /// What was thrown, or why the context was lost. What a browser only refuses while it builds, without a limit that says so, is
    /// unsupported all the same.
    pub(super) fn error(&self, thrown: Thrown) -> Error {
        if thrown.contains("NotSupportedError") {
            return Error::Unsupported { operator: "graph".into(), platform: PLATFORM.into(), reason: thrown };
        }
        match &*self.lost.borrow() {
            Some(reason) => Error::DeviceLost { platform: PLATFORM.into(), reason: format!("{reason} ({thrown})") },
            None => Error::Device { platform: PLATFORM.into(), reason: thrown },
        }
    }

    /// As [`Shared::error`], for a call that fails because the context was lost, which is told a moment later.
    pub(super) async fn run_error(&self, thrown: Thrown) -> Error {
        if thrown.contains("InvalidStateError") {
            crate::backends::browser::until(|| self.lost.borrow().is_some()).await;
        }
        self.error(thrown)
    }

    /// **Errors** [`Error::DeviceLost`] where the context was lost.
    pub(super) fn check(&self) -> Result<()> {
        let lost = self.lost.borrow();
        let told = |reason: &String| Err(Error::DeviceLost { platform: PLATFORM.into(), reason: reason.clone() });
        lost.as_ref().map_or(Ok(()), told)
    }
}

/// The product of a user agent's text that is the browser's own: the last but `Safari`, which nearly all of them claim.
fn browser(user_agent: &str) -> &str {
    let products = user_agent.split(' ').filter(|product| product.contains('/') && !product.starts_with("Mozilla/"));
    products
        .filter(|product| !product.starts_with("Safari/") && !product.starts_with("AppleWebKit/"))
        .last()
        .unwrap_or("an unnamed browser")
}

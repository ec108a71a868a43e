//! The generated tests in a browser: builds them for wasm32, serves them on loopback, drives a browser, prints what cargo would.

pub(crate) mod bench;
mod browser;
mod cdp;
pub(crate) mod demo;
pub(crate) mod detect;
mod record;
mod report;
mod server;
mod size;
mod spec;
mod toolchain;
mod webdriver;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shell::{Result, root};
use browser::Browser;
use report::Report;
use server::Server;
use spec::Spec;
use toolchain::Toolchain;
use webdriver::Session;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    browsing: Browsing,
    /// Platforms to test, in this order.
    #[arg(long, default_value = "webnn,webgpu,cpu")]
    platform: String,
    /// Only tests whose name holds this text.
    #[arg(long, default_value = "")]
    filter: String,
    /// Write what the vectors come to, where all of them were run, to `runtime/tests/conformance/browsers`, and the tables of docs/operators.md.
    #[arg(long)]
    record: bool,
}

/// Which browser, and how it is driven.
#[derive(clap::Args)]
struct Browsing {
    /// The browser: `chromium`, or the path of a program that takes Chromium's flags.
    #[arg(long, default_value = "chromium")]
    browser: String,
    /// The browser's spec: start flags, capabilities (`gen list browsers`).
    #[arg(long, default_value = "chrome")]
    spec: String,
    /// Use a browser of this W3C WebDriver end: a driver, a Selenium Grid, a cloud of browsers.
    #[arg(long, value_name = "URL")]
    webdriver: Option<String>,
    /// With --webdriver: more capabilities, as JSON.
    #[arg(long, value_name = "JSON", requires = "webdriver")]
    capabilities: Option<String>,
    /// Serve until stopped, and open no browser: any browser that reaches the page may load it.
    #[arg(long, conflicts_with = "webdriver")]
    serve: bool,
    /// Address to serve on. A browser elsewhere has to reach it.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Seconds after which a page that says nothing has failed.
    #[arg(long, default_value_t = 180)]
    silence: u64,
}

/// What a test says that is skipped in a browser elsewhere.
const PIPE_ONLY: &str = "only a browser that is driven through its debugging pipe does this";

/// A browser in which a page runs, however it is driven.
trait Driven {
    /// Name and version.
    fn version(&self) -> &str;
    /// Loads a page.
    ///
    /// **Errors** a page that cannot be loaded.
    fn open(&mut self, page: &str) -> Result;
    /// Takes in what the browser said meanwhile.
    fn attend(&mut self);
    /// Lines of the console and what was thrown, as far as they are told.
    fn console(&self) -> &[String];
    /// Why no more is to be expected of the page.
    fn dead(&self) -> Option<&str>;
    /// The text of an element, as a person sees it.
    ///
    /// **Errors** no such element.
    fn text(&mut self, selector: &str) -> Result<String>;
    /// Clicks the middle of an element.
    ///
    /// **Errors** no such element.
    fn click(&mut self, selector: &str) -> Result;
    /// Puts a text in place of what a field holds, as a keyboard does.
    ///
    /// **Errors** no such element.
    fn fill(&mut self, selector: &str, text: &str) -> Result;
    /// Clicks a field for files and chooses some, or a folder.
    ///
    /// **Errors** no such element, a browser elsewhere that has no such files.
    fn choose(&mut self, selector: &str, files: &[&Path]) -> Result;
    /// Presses a key, by its name in the DOM.
    ///
    /// **Errors** as [`Driven::crash_gpu`].
    fn press(&mut self, _key: &str) -> Result {
        Err(PIPE_ONLY.into())
    }
    /// Whether camera and microphone are those of [`demo::devices`].
    ///
    /// **Errors** as [`Driven::crash_gpu`].
    fn has_devices(&self) -> Result {
        Err(PIPE_ONLY.into())
    }
    /// Ends the browser's GPU process, as a failing driver does.
    ///
    /// **Errors** a browser that cannot be told to.
    fn crash_gpu(&mut self) -> Result {
        Err(PIPE_ONLY.into())
    }
    /// The page as PNG.
    fn screenshot(&mut self) -> Option<Vec<u8>>;
}

/// Where the unit tests of WebGPU may leave their shaders.
fn shaders() -> PathBuf {
    folder().join("shaders")
}

/// Everything made here, in cargo's target folder.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join("web")
}

/// Installs what the web tests need where it is missing.
///
/// **Errors** none: what cannot be had is said, and the tests are skipped and counted.
pub(crate) fn setup() -> Result {
    match Toolchain::find_or_install() {
        Ok(toolchain) => println!("wasm32: {toolchain}"),
        Err(reason) => println!("wasm32: {reason}; web tests will be skipped"),
    }
    match browser::find_or_install("chromium") {
        Ok(path) => println!("browser: {}", path.display()),
        Err(reason) => println!("browser: {reason}; web tests will be skipped"),
    }
    Ok(())
}

/// **Errors** a build that fails, a test that fails, a page that throws, dies or says nothing.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let toolchain = match Toolchain::find_or_install() {
        Ok(toolchain) => toolchain,
        Err(reason) => return skip(&format!("no toolchain for wasm32: {reason}")),
    };
    let browsing = &arguments.browsing;
    if !browsing.serve
        && browsing.webdriver.is_none()
        && let Err(reason) = browser::find_or_install(&browsing.browser)
    {
        return skip(&format!("no browser: {reason}"));
    }
    // Links of whole programs take one core each: beside the tests they cost half their time.
    std::thread::scope(|scope| {
        let shipped = scope.spawn(|| if browsing.serve { Ok(Shipped::default()) } else { Shipped::build(&toolchain, arguments) });
        run_beside(arguments, &toolchain, move || shipped.join().map_err(|_| "building what is shipped panicked")?)
    })
}

/// What is shipped, built beside the tests.
#[derive(Default)]
struct Shipped {
    sizes: Vec<Value>,
    /// The demo page, where one of its tests is asked for.
    page: Option<PathBuf>,
}

impl Shipped {
    /// **Errors** a build that fails.
    fn build(toolchain: &Toolchain, Arguments { filter, platform, .. }: &Arguments) -> Result<Self> {
        let sizes = size::test(toolchain, filter)?;
        let page = (demo::count(filter, platform) > 0).then(|| demo::build(toolchain)).transpose()?;
        Ok(Self { sizes, page })
    }
}

/// The tests, with what is `shipped` last.
fn run_beside(arguments: &Arguments, toolchain: &Toolchain, shipped: impl FnOnce() -> Result<Shipped>) -> Result {
    let browsing = &arguments.browsing;
    let package = toolchain.build("ipfs-accelerate-web-tests", "web", &[])?;
    let other = std::env::var_os("WEBNN_CONFORMANCE").map(PathBuf::from);
    let vectors = other.clone().unwrap_or_else(record::conformance).join("webnn");
    let mut folders = vec![
        ("/pkg/", package),
        ("/goldens/", root().join("generated/goldens")),
        ("/conformance/", vectors.clone()),
        ("/detect/", detect::folder()),
        ("/run/", folder().join("run")),
        ("/shaders/", shaders()),
    ];
    if other.is_none() && !arguments.record {
        folders.push(("/measured/", record::folder()));
    }
    end_cases(&json!([]))?;
    let server = Server::start(&browsing.host, root().join("web/tests/index.html"), folders)?;
    let crash = if browsing.serve || browsing.webdriver.is_some() { "" } else { "&crash=1" };
    let restart = if browsing.serve { "" } else { "&restart=1" };
    let page = format!("{}?platform={}&filter={}{crash}{restart}", server.address(), arguments.platform, arguments.filter);
    let Some(mut browser) = start(browsing, &server, &[])? else { return server.serve_for_ever(&page) };
    println!("running in {}", browser.version());
    let mut report = Report::new(browser.version(), Duration::from_secs(browsing.silence));
    let detects = detect::NAME.contains(&arguments.filter);
    report.expect(size::count(&arguments.filter) + demo::count(&arguments.filter, &arguments.platform) + usize::from(detects));
    if detects {
        detect::test(&server, browser.as_mut(), &mut report);
    }
    browser.open(&page)?;
    loop {
        while !report.is_done() {
            match server.event(Duration::from_millis(100)) {
                Some(event) if event["event"] == "crash_gpu" => browser.crash_gpu()?,
                Some(event) => report.take(&event),
                None => {}
            }
            browser.attend();
            report.attend(browser.as_ref());
        }
        let Some(restart) = report.take_restart() else { break };
        end_cases(&restart.ended)?;
        if let Some(another) = start(browsing, &server, &[])? {
            browser = another;
        }
        browser.open(&format!("{page}&from={}", restart.from))?;
    }
    let shipped = shipped().unwrap_or_else(|reason| {
        report.take(&json!({ "event": "fatal", "message": reason }));
        Shipped::default()
    });
    shipped.sizes.iter().for_each(|result| report.take(result));
    if let Some(page) = shipped.page
        && let Some(mut fresh) = start(browsing, &server, &[])?
    {
        let another = |flags: &[String]| start(browsing, &server, flags);
        demo::test(page, &browsing.host, fresh.as_mut(), &another, (&arguments.filter, &arguments.platform), &mut report)?;
    }
    let records = report.records();
    report.finish(browser.as_mut(), &folder().join("report"))?;
    if arguments.record { record::write(records, &vectors) } else { Ok(()) }
}

/// Serves the cases that a page is not to run again as `/run/ended.json`.
fn end_cases(ended: &Value) -> Result {
    let run = folder().join("run");
    let written = std::fs::create_dir_all(&run).and_then(|()| std::fs::write(run.join("ended.json"), ended.to_string()));
    written.map_err(|error| format!("{}: {error}", run.display()))
}

/// Starts the browser that is asked for, with more flags; none where the page is only served.
///
/// **Errors** no browser, no spec.
fn start(browsing: &Browsing, server: &Server, more: &[String]) -> Result<Option<Box<dyn Driven>>> {
    let spec = Spec::read(&browsing.spec, server.address())?;
    if browsing.serve {
        return Ok(None);
    }
    if let Some(end) = &browsing.webdriver {
        return Ok(Some(Box::new(Session::start(end, &capabilities(browsing, spec.capabilities)?)?)));
    }
    let program = browser::find_or_install(&browsing.browser)?;
    Ok(Some(Box::new(Browser::start(&program, &[spec.flags, demo::devices()?, more.to_vec()].concat())?)))
}

/// Those of the spec with those of the caller; members of objects are put together, lists one after the other.
///
/// **Errors** a text that is no JSON object.
fn capabilities(browsing: &Browsing, mut capabilities: Value) -> Result<Value> {
    let more: Value = match &browsing.capabilities {
        None => json!({}),
        Some(text) => serde_json::from_str(text).map_err(|error| format!("--capabilities: {error}"))?,
    };
    if !more.is_object() {
        return Err(format!("--capabilities: expected an object, found {more}"));
    }
    merge(&mut capabilities, more);
    Ok(capabilities)
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            more.into_iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more),
        (into, more) => *into = more,
    }
}

/// Counted by `cargo xtask test` as one skipped test.
fn skip(reason: &str) -> Result {
    println!("skipped: web tests: {reason}");
    println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_put_together() {
        let mut all = json!({ "browserName": "a", "options": { "args": ["-x"] } });
        merge(&mut all, json!({ "options": { "args": ["-y"], "binary": "b" }, "cloud:key": 1 }));
        assert_eq!(all, json!({ "browserName": "a", "options": { "args": ["-x", "-y"], "binary": "b" }, "cloud:key": 1 }));
    }
}

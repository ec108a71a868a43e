//! The generated tests in a browser: builds them for wasm32, serves them on loopback, drives a browser, prints what cargo would.

pub(crate) mod bench;
mod browser;
mod cdp;
mod report;
mod server;
mod toolchain;

use std::path::PathBuf;
use std::time::Duration;

use crate::shell::{Result, root};
use browser::Browser;
use report::Report;
use server::Server;
use toolchain::Toolchain;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The browser: `chromium`, or the path of a program that takes Chromium's flags.
    #[arg(long, default_value = "chromium")]
    browser: String,
    /// Platforms to test, in this order.
    #[arg(long, default_value = "webnn,webgpu,cpu")]
    platform: String,
    /// Only tests whose name holds this text.
    #[arg(long, default_value = "")]
    filter: String,
    /// Run the W3C's conformance vectors too, one test per operator.
    #[arg(long)]
    conformance: bool,
    /// Serve until stopped, and open no browser: any browser of this machine may load the page.
    #[arg(long)]
    serve: bool,
    /// Seconds after which a page that says nothing has failed.
    #[arg(long, default_value_t = 180)]
    silence: u64,
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
    let program = match browser::find_or_install(&arguments.browser) {
        Ok(program) => Some(program),
        Err(_) if arguments.serve => None,
        Err(reason) => return skip(&format!("no browser: {reason}")),
    };
    let package = toolchain.build("ipfs-accelerate-web-tests", "web")?;
    let vectors =
        std::env::var_os("WEBNN_CONFORMANCE").map_or_else(|| root().join("runtime/tests/conformance"), PathBuf::from).join("webnn");
    let folders = vec![("/pkg/", package), ("/goldens/", root().join("generated/goldens")), ("/conformance/", vectors)];
    let server = Server::start(root().join("web/tests/index.html"), folders)?;
    let conformance = if arguments.conformance { "&conformance=1" } else { "" };
    let page = format!("{}?platform={}&filter={}{conformance}", server.address(), arguments.platform, arguments.filter);
    let Some(program) = program.filter(|_| !arguments.serve) else {
        println!("serving {page}\nstop with ctrl-c");
        loop {
            if let Some(event) = server.event(Duration::from_secs(3600)) {
                println!("{event}");
            }
        }
    };
    let mut browser = Browser::start(&program)?;
    println!("running in {} ({})", browser.version(), program.display());
    let mut report = Report::new(browser.version(), Duration::from_secs(arguments.silence));
    browser.open(&page)?;
    while !report.is_done() {
        if let Some(event) = server.event(Duration::from_millis(100)) {
            report.take(&event);
        }
        browser.attend();
        report.attend(&browser);
    }
    report.finish(&mut browser, &folder().join("report"))
}

/// Counted by `cargo xtask test` as one skipped test.
fn skip(reason: &str) -> Result {
    println!("skipped: web tests: {reason}");
    println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    Ok(())
}

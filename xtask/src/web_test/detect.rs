//! What a browser truly answers when it is asked what it computes on: the page of `web/detect`, as JSON.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::report::Report;
use super::server::Server;
use super::{Browsing, Driven, start};
use crate::shell::{Result, root};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    browsing: Browsing,
    /// Write the report to this file instead of standard output.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// **Errors** no browser; a page that throws or says nothing.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let server = Server::start(&arguments.browsing.host, folder().join("index.html"), vec![("/detect/", folder())])?;
    let Some(mut browser) = start(&arguments.browsing, &server, &[])? else { return server.serve_for_ever(server.address()) };
    let found = ask(&server, browser.as_mut(), server.address(), Duration::from_secs(arguments.browsing.silence))?;
    let text = format!("{found:#}\n");
    match &arguments.output {
        None => print!("{text}"),
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?,
    }
    Ok(())
}

pub(super) fn folder() -> PathBuf {
    root().join("web/detect")
}

/// Opens the page and waits for what it found.
fn ask(server: &Server, browser: &mut dyn Driven, page: &str, patience: Duration) -> Result<Value> {
    browser.open(page)?;
    let end = Instant::now() + patience;
    while Instant::now() < end {
        browser.attend();
        if let Some(reason) = browser.dead() {
            return Err(reason.to_owned());
        }
        match server.event(Duration::from_millis(100)) {
            Some(mut event) if event["event"] == "detected" => return Ok(event["report"].take()),
            Some(event) => return Err(format!("the page told: {event}")),
            None => {}
        }
    }
    Err(format!("the page said nothing for {} s", patience.as_secs()))
}

/// The report as a test: it must be whole where a platform is said to be there.
pub(super) fn test(server: &Server, browser: &mut dyn Driven, report: &mut Report) {
    let started = Instant::now();
    let page = format!("{}detect/index.html", server.address());
    let checked = ask(server, browser, &page, Duration::from_secs(60)).and_then(|found| whole(&found));
    let (status, message) = match checked {
        Ok(words) => ("ok", words),
        Err(reason) => ("FAILED", reason),
    };
    let ms = started.elapsed().as_secs_f64() * 1e3;
    report.take(&json!({ "event": "result", "name": NAME, "status": status, "message": message, "ms": ms }));
}

/// The test's name.
pub(super) const NAME: &str = "detect::the_browser_s_report_is_whole";

fn whole(found: &Value) -> Result<String> {
    let expect = |condition: bool, what: &str| if condition { Ok(()) } else { Err(format!("{what}: {found:#}")) };
    expect(found["wasm"]["simd"] == true, "the tests are built with SIMD, but it is not found")?;
    let mut words = Vec::new();
    for platform in ["webnn", "webgpu"] {
        let answer = &found[platform];
        match answer["available"].as_bool() {
            Some(true) => words.push(platform.to_owned()),
            Some(false) => words.push(format!("no {platform} ({})", answer["reason"].as_str().unwrap_or_default())),
            None => return Err(format!("{platform} is neither there nor not: {answer:#}")),
        }
    }
    if found["webgpu"]["available"] == true {
        let limit = &found["webgpu"]["adapters"]["high-performance"]["limits"]["maxStorageBufferBindingSize"];
        expect(limit.as_u64() >= Some(128 << 20), "WebGPU promises bindings of 128 MiB")?;
    }
    if found["webnn"]["available"] == true {
        let contexts = found["webnn"]["contexts"].as_array().into_iter().flatten();
        let limits = contexts.map(|context| &context["opSupportLimits"]["add"]["a"]["dataTypes"]);
        expect(
            limits.into_iter().any(|types| types.as_array().is_some_and(|types| types.contains(&json!("float32")))),
            "no limits of `add`",
        )?;
    }
    Ok(words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_lacks_what_it_promises_is_refused() {
        let limits = json!({ "maxStorageBufferBindingSize": 1 << 27 });
        let adapters = json!({ "high-performance": { "limits": limits } });
        let webnn = json!({ "available": false, "reason": "why" });
        let report = json!({ "wasm": { "simd": true }, "webgpu": { "available": true, "adapters": adapters }, "webnn": webnn });
        assert_eq!(whole(&report).unwrap(), "no webnn (why), webgpu");
        let mut small = report.clone();
        small["webgpu"]["adapters"]["high-performance"]["limits"]["maxStorageBufferBindingSize"] = 5.into();
        assert!(whole(&small).unwrap_err().starts_with("WebGPU promises"));
        let mut silent = report;
        silent["webnn"] = json!({});
        assert!(whole(&silent).unwrap_err().starts_with("webnn is neither"));
    }
}

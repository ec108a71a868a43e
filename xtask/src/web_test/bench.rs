//! A case of the benchmark in a browser: ours and onnxruntime-web in one page, a browser of its own for each case.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Driven;
use super::browser::{self, Browser};
use super::server::Server;
use super::spec::Spec;
use super::toolchain::Toolchain;
use crate::bench::measure::Measurement;
use crate::bench::{Case, Peer};
use crate::shell::{Result, command, root, run as run_command, succeeds};

/// Time without an event after which a page has failed: longer than the slowest run of a software adapter.
const SILENCE: Duration = Duration::from_secs(400);

/// Measures a case in a browser; a browser or a compiler that cannot be had is a skip.
///
/// **Errors** a build that fails, a browser that does not start.
pub(crate) fn measure(case: &Case<'_>) -> Result<Measurement> {
    let toolchain = match Toolchain::find_or_install() {
        Ok(toolchain) => toolchain,
        Err(reason) => return Ok(Measurement::skipped(&format!("no toolchain for wasm32: {reason}"))),
    };
    let program = match browser::find_or_install(case.arguments.browser()) {
        Ok(program) => program,
        Err(reason) => return Ok(Measurement::skipped(&format!("no browser: {reason}"))),
    };
    let package = toolchain.build("ipfs-accelerate-web-bench", "web", &[])?;
    let mut measurement = Measurement::default();
    let mut folders = vec![
        ("/pkg/", package),
        ("/checkpoint/", case.reference.checkpoint().to_path_buf()),
        ("/reference/", case.reference.folder().to_path_buf()),
    ];
    let mut page = format!("?model={}&platform={}{}", case.family, case.platform, case.arguments.query());
    case.reference.weight_files().iter().for_each(|file| page.push_str(&format!("&weights={file}")));
    let mut version = None;
    let mut no_peer = None;
    if case.peers.contains(&Peer::OnnxruntimeWeb) {
        match onnxruntime_web().and_then(|found| case.reference.no_onnx().map_or(Ok(found), |reason| Err(reason.to_owned()))) {
            Ok((folder, found)) => {
                folders.push(("/ort/", folder));
                page.push_str("&against=onnxruntime-web");
                version = Some(found);
            }
            Err(reason) => no_peer = Some(reason),
        }
    }
    let server = Server::start("127.0.0.1", root().join("web/bench/index.html"), folders)?;
    let spec = Spec::read("chrome", server.address())?;
    let mut browser = Browser::start(&program, &spec.flags)?;
    measurement.place.insert("browser", browser.version().to_owned());
    browser.open(&format!("{}{page}", server.address()))?;
    listen(&server, &mut browser, &mut measurement);
    for side in &mut measurement.sides {
        if let (Some(version), "onnxruntime-web", true) = (&version, side.engine.as_str(), side.start.is_object()) {
            side.start["version"] = version.as_str().into();
        }
    }
    if let Some(reason) = no_peer {
        measurement.side("onnxruntime-web").skipped = Some(reason);
    }
    Ok(measurement)
}

/// Takes in what the page tells until it ends, fails or falls silent.
fn listen(server: &Server, browser: &mut Browser, measurement: &mut Measurement) {
    let mut heard = Instant::now();
    let mut running = String::new();
    loop {
        if let Some(event) = server.event(Duration::from_millis(100)) {
            heard = Instant::now();
            let text = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
            match event["event"].as_str().unwrap_or_default() {
                "end" => return,
                "page" => {
                    for (name, member) in [("agent", "agent"), ("adapter", "adapter")] {
                        if let Some(value) = event[member].as_str() {
                            measurement.place.insert(name, value.to_owned());
                        }
                    }
                }
                "starting" => {
                    running = text("engine");
                    println!("  {running} starts");
                }
                "fatal" => measurement.failed = Some(format!("{}{}", during(&running), text("message"))),
                _ if measurement.take(&text("engine"), &event) => print_event(&event),
                other => measurement.failed = Some(format!("the page told of `{other}`, which nothing here knows")),
            }
        }
        browser.attend();
        if let Some(reason) = browser.dead() {
            measurement.failed = Some(format!("{}{reason}", during(&running)));
        } else if heard.elapsed() > SILENCE {
            measurement.failed = Some(format!("{}the page said nothing for {} s", during(&running), SILENCE.as_secs()));
        }
        if measurement.failed.is_some() {
            let last = browser.console().iter().rev().take(5).rev();
            last.for_each(|entry| println!("  console: {}", entry.lines().next().unwrap_or_default()));
            return;
        }
    }
}

fn during(engine: &str) -> String {
    if engine.is_empty() { String::new() } else { format!("after {engine} had started: ") }
}

fn print_event(event: &Value) {
    match (event["event"].as_str(), event["ms"].as_f64()) {
        (Some("run"), Some(time)) => println!("  {}: {time:.1} ms", event["engine"].as_str().unwrap_or_default()),
        (Some("start"), _) => println!("  {}: {}", event["engine"].as_str().unwrap_or_default(), event["cold"]),
        _ => println!("  {event}"),
    }
}

/// The folder of onnxruntime-web's programs and its version, installed from npm where it is missing.
fn onnxruntime_web() -> Result<(PathBuf, String)> {
    let source = root().join("bench/ort-web/package.json");
    let folder = super::folder().join("ort-web");
    let module = folder.join("node_modules/onnxruntime-web");
    let text = std::fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let wanted: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", source.display()))?;
    let wanted = wanted["dependencies"]["onnxruntime-web"].as_str().unwrap_or_default().to_owned();
    let version = || -> Option<String> {
        let package: Value = serde_json::from_slice(&std::fs::read(module.join("package.json")).ok()?).ok()?;
        package["version"].as_str().map(str::to_owned)
    };
    if version().is_none_or(|version| version != wanted) {
        if !succeeds(command("npm", &["--version"])) {
            return Err("npm is not there to fetch onnxruntime-web".into());
        }
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::copy(&source, folder.join("package.json")))
            .map_err(|error| error.to_string())?;
        let mut npm = command("npm", &["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
        npm.current_dir(&folder);
        run_command(npm)?;
    }
    version().map(|version| (module.join("dist"), version)).ok_or_else(|| "npm left no onnxruntime-web".into())
}

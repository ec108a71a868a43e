//! The demo page: built, served, and tried by a click.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::report::Report;
use super::server::Server;
use super::size::{gzipped, optimized, optimizer, read};
use super::toolchain::Toolchain;
use super::{Driven, folder};
use crate::shell::{Result, root};

/// Bytes of page, JavaScript and module after gzip: what they may not grow beyond, and where they are to come.
const BUDGET: usize = 1_100_000;
const GOAL: usize = 1_000_000;
/// A small random model with its tokenizer, and HF's answers beside it.
const GOLDEN: &str = "pipelines/tests/goldens/text/embedding_wordpiece";
/// Largest difference of a cosine, shown with four digits, from HF's.
const TOLERANCE: f64 = 5e-4;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of a model: config.json, tokenizer.json, *.safetensors. Without it, a small random one.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Serve it on loopback until stopped.
    #[arg(long)]
    serve: bool,
}

/// **Errors** no toolchain, a build that fails, a folder that is no model's.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let page = build(&Toolchain::find_or_install()?)?;
    let model = lay(&page, arguments.weights.as_deref())?;
    println!("built {}; {} bytes gzipped without weights", page.display(), size(&page)?);
    if !arguments.serve {
        return Ok(());
    }
    let server = serve("127.0.0.1", &page, model)?;
    server.serve_for_ever(server.address())
}

fn serve(host: &str, page: &Path, model: PathBuf) -> Result<Server> {
    Server::start(host, page.join("index.html"), vec![("/model/", model), ("/", page.to_path_buf())])
}

/// The page with its module, small: what may be put on any server.
fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let package = toolchain.build("ipfs-accelerate-web-demo", "release", &[])?;
    let page = folder().join("demo");
    let wrong = |error: std::io::Error| format!("{}: {error}", page.display());
    std::fs::create_dir_all(page.join("pkg")).map_err(wrong)?;
    let module = package.join("ipfs_accelerate_web_demo_bg.wasm");
    // Without the optimizer the page is larger, and the same.
    let bytes = match optimizer() {
        Ok(optimizer) => optimized(&optimizer, &module)?,
        Err(reason) => {
            println!("{reason}; the module is left as the compiler made it");
            read(&module)?
        }
    };
    std::fs::write(page.join("pkg/ipfs_accelerate_web_demo_bg.wasm"), bytes).map_err(wrong)?;
    std::fs::copy(package.join("ipfs_accelerate_web_demo.js"), page.join("pkg/ipfs_accelerate_web_demo.js")).map_err(wrong)?;
    std::fs::copy(root().join("web/demo/index.html"), page.join("index.html")).map_err(wrong)?;
    Ok(page)
}

/// Lists the model's files for the page; gives their folder.
fn lay(page: &Path, weights: Option<&Path>) -> Result<PathBuf> {
    let model = weights.map_or_else(|| root().join(GOLDEN), Path::to_path_buf);
    let mut files = Vec::new();
    for name in ["", "1_Pooling"] {
        let Ok(entries) = model.join(name).read_dir() else { continue };
        for entry in entries.flatten() {
            let file = Path::new(name).join(entry.file_name());
            let kind = file.extension().unwrap_or_default();
            let size = entry.metadata().map_or(0, |data| data.len());
            if (kind == "json" || kind == "safetensors") && file.file_name().is_some_and(|name| name != "answers.json") {
                files.push(json!({ "name": file.to_string_lossy().replace('\\', "/"), "size": size }));
            }
        }
    }
    for needed in ["config.json", "tokenizer.json"] {
        if files.iter().all(|file| file["name"] != needed) {
            return Err(format!("{} has no {needed}", model.display()));
        }
    }
    let list = json!({ "files": files, "random": weights.is_none() });
    std::fs::write(page.join("model.json"), list.to_string()).map_err(|error| format!("{}: {error}", page.display()))?;
    Ok(model)
}

fn size(page: &Path) -> Result<usize> {
    ["index.html", "pkg/ipfs_accelerate_web_demo.js", "pkg/ipfs_accelerate_web_demo_bg.wasm"]
        .iter()
        .map(|file| gzipped(&read(&page.join(file))?))
        .sum()
}

const TESTS: [&str; 2] = ["demo::a_click_gives_the_published_cosines", "demo::the_page_is_within_its_budget"];

/// How many tests [`test`] runs.
pub(super) fn count(filter: &str) -> usize {
    TESTS.iter().filter(|name| name.contains(filter)).count()
}

/// Builds the page, measures it, and uses it as a person does: types, clicks, reads.
///
/// **Errors** a build that fails.
pub(super) fn test(toolchain: &Toolchain, host: &str, browser: &mut dyn Driven, filter: &str, report: &mut Report) -> Result {
    if count(filter) == 0 {
        return Ok(());
    }
    let page = build(toolchain)?;
    let model = lay(&page, None)?;
    let server = serve(host, &page, model)?;
    for name in TESTS.iter().filter(|name| name.contains(filter)) {
        let started = Instant::now();
        let result = if *name == TESTS[0] { used(&server, browser) } else { small(&page) };
        let (status, message) = match result {
            Ok(words) => ("ok", words),
            Err(reason) => ("FAILED", reason),
        };
        let ms = started.elapsed().as_secs_f64() * 1e3;
        report.take(&json!({ "event": "result", "name": name, "status": status, "message": message, "ms": ms }));
    }
    Ok(())
}

fn small(page: &Path) -> Result<String> {
    let bytes = size(page)?;
    let words = format!("{bytes} bytes gzipped; at most {BUDGET}, and the goal is {GOAL}");
    if bytes <= BUDGET { Ok(words) } else { Err(words) }
}

/// Every text of the golden is asked for among all of them; what the page shows is held to HF's tokens and embeddings.
fn used(server: &Server, browser: &mut dyn Driven) -> Result<String> {
    let answers: Value = serde_json::from_slice(&read(&root().join(GOLDEN).join("answers.json"))?).map_err(|error| error.to_string())?;
    // A line of the page is a sentence: texts that are empty or of several lines cannot be typed there.
    let typed =
        |text: &&Value| text.as_str().is_some_and(|text| !text.trim().is_empty() && text.trim() == text && !text.contains(['\n', '\t']));
    let texts = answers["texts"].as_array().ok_or("answers.json has no texts")?;
    let places: Vec<usize> = (0..texts.len()).filter(|place| typed(&&texts[*place])).collect();
    let vector =
        |place: usize| -> Vec<f64> { answers["published"][place].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let cosine = |a: usize, b: usize| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (a, b) = (vector(a), vector(b));
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    let lines: Vec<&str> = places.iter().filter_map(|place| texts[*place].as_str()).collect();
    browser.open(server.address())?;
    wait(browser, |state| state == "ready")?;
    browser.fill("#known", &lines.join("\n"))?;
    let mut compared = 0;
    for &place in &places {
        browser.fill("#query", texts[place].as_str().unwrap_or_default())?;
        browser.click("#find")?;
        let state = wait(browser, |state| state.starts_with("done"))?;
        let tokens = answers["encodings"][place]["input_ids"].as_array().map_or(0, Vec::len);
        if !state.starts_with(&format!("done: {tokens} tokens")) {
            return Err(format!("`{}`: expected {tokens} tokens, the page says `{state}`", texts[place]));
        }
        let shown = browser.text("#nearest")?;
        for &other in &places {
            let text = texts[other].as_str().unwrap_or_default();
            let row = shown.lines().find(|line| line.trim_end().ends_with(text)).ok_or_else(|| format!("`{text}` is not in:\n{shown}"))?;
            let found: f64 =
                row.split_whitespace().next().and_then(|number| number.parse().ok()).ok_or_else(|| format!("no number in `{row}`"))?;
            let expected = cosine(place, other);
            if found.is_nan() || (found - expected).abs() > TOLERANCE {
                return Err(format!("`{}` and `{text}`: expected {expected:.4}, found {found:.4}", texts[place]));
            }
            compared += 1;
        }
    }
    let plan = browser.text("#plan")?;
    let platform = plan.lines().next().unwrap_or_default().split_whitespace().nth(1).unwrap_or_default().to_owned();
    if !["webnn", "webgpu", "cpu"].contains(&platform.as_str()) || !plan.contains("Passed over") {
        return Err(format!("the plan says:\n{plan}"));
    }
    if compared == 0 { Err("nothing was compared".into()) } else { Ok(format!("{compared} cosines, on {platform}")) }
}

/// Waits until the page's state is what it should be.
fn wait(browser: &mut dyn Driven, done: impl Fn(&str) -> bool) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(120);
    let mut state = String::new();
    while Instant::now() < end {
        browser.attend();
        // The page may still be on its way.
        state = browser.text("#state").unwrap_or_default();
        if done(&state) {
            return Ok(state);
        }
        if state.starts_with("failed") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("the page says `{state}`"))
}

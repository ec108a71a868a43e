//! The demo page: built, served, and tried by clicks. Expected answers are HF's, of the goldens of the pipelines.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::report::Report;
use super::server::Server;
use super::size::{gzipped, optimized, optimizer, read};
use super::toolchain::Toolchain;
use super::{Driven, PIPE_ONLY, folder};
use crate::shell::{Result, root};

const GOLDENS: &str = "pipelines/tests/goldens";
const PACKAGE: &str = "ipfs-accelerate-web-demo";
/// What every tab downloads beside its own part and module.
const PAGE: [&str; 2] = ["index.html", "demo.js"];
/// Bytes of a tab after gzip, page and tokenizer included, weights not.
const BUDGET: usize = 1_000_000;
/// Largest difference of a cosine or a score, shown with four digits, from HF's.
const TOLERANCE: f64 = 5e-4;
/// The same for what a camera sees: its colours go through YUV.
const CAMERA_TOLERANCE: f64 = 0.02;
/// The colour before the camera, and the golden of one that is all of that colour.
const COLOUR: ([f64; 3], &str) = ([200.0, 100.0, 50.0], "plain.png");

/// One tab of the page.
struct Tab {
    name: &'static str,
    /// Where its model is served: the page's path.
    path: &'static str,
    /// A small random model in [`GOLDENS`], with HF's answers beside it.
    golden: &'static str,
}

const TABS: [Tab; 3] = [
    Tab { name: "text", path: "/text/", golden: "text/embedding_wordpiece" },
    Tab { name: "picture", path: "/picture/", golden: "vision/vit" },
    Tab { name: "sound", path: "/sound/", golden: "speech" },
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of a model of sentence embeddings: config.json, tokenizer.json, *.safetensors. Without it, a small random one.
    #[arg(long, visible_alias = "text", value_name = "DIR")]
    weights: Option<PathBuf>,
    /// Folder of a model of image classification. Without it, a small random one.
    #[arg(long, value_name = "DIR")]
    picture: Option<PathBuf>,
    /// Folder of a model of speech recognition. Without it, a small random one.
    #[arg(long, value_name = "DIR")]
    sound: Option<PathBuf>,
    /// Serve it on loopback until stopped.
    #[arg(long)]
    serve: bool,
}

/// **Errors** no toolchain, a build that fails, a folder that is no model's.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let page = build(&Toolchain::find_or_install()?)?;
    let models = lay(&[&arguments.weights, &arguments.picture, &arguments.sound].map(Option::as_deref))?;
    println!("built {}; bytes gzipped without weights:", page.display());
    for tab in &TABS {
        println!("  {:8} {:9}", tab.name, size(&page, tab)?);
    }
    if !arguments.serve {
        return Ok(());
    }
    let server = serve("127.0.0.1", &page, models)?;
    server.serve_for_ever(server.address())
}

fn serve(host: &str, page: &Path, mut models: Vec<(&'static str, PathBuf)>) -> Result<Server> {
    models.push(("/", page.to_path_buf()));
    Server::start(host, page.join("index.html"), models)
}

/// The page with its modules, small: what may be put on any server.
///
/// **Errors** a build that fails.
pub(super) fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let page = folder().join("demo");
    let wrong = |error: std::io::Error| format!("{}: {error}", page.display());
    // What an earlier version left is no part of it.
    let _ = std::fs::remove_dir_all(&page);
    std::fs::create_dir_all(page.join("pkg")).map_err(wrong)?;
    let optimizer = optimizer();
    if let Err(reason) = &optimizer {
        println!("{reason}; the modules are left as the compiler made them");
    }
    let names = TABS.map(|tab| tab.name);
    let package = toolchain.build_programs(PACKAGE, &names, "release")?;
    let lay = &|name: &str| -> Result {
        let module = package.join(format!("{name}_bg.wasm"));
        // Without the optimizer the page is larger, and the same.
        let bytes = optimizer.as_ref().map_or_else(|_| read(&module), |optimizer| optimized(optimizer, &module))?;
        std::fs::write(page.join(format!("pkg/{name}_bg.wasm")), bytes).map_err(wrong)?;
        std::fs::copy(package.join(format!("{name}.js")), page.join(format!("pkg/{name}.js"))).map_err(wrong).map(drop)
    };
    // The optimizer has one thread.
    std::thread::scope(|scope| {
        let laid = names.map(|name| scope.spawn(move || lay(name)));
        laid.into_iter().try_for_each(|laid| laid.join().map_err(|_| "the optimizer panicked")?)
    })?;
    for file in PAGE.iter().map(ToString::to_string).chain(names.iter().map(|name| format!("{name}.js"))) {
        std::fs::copy(root().join("web/demo").join(&file), page.join(&file)).map_err(wrong)?;
    }
    Ok(page)
}

/// Lists the files of each tab's model for the page; gives what is to be served.
///
/// **Errors** a folder that is no model's.
fn lay(weights: &[Option<&Path>; 3]) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut served = Vec::new();
    for (tab, weights) in TABS.iter().zip(weights) {
        let model = weights.map_or_else(|| root().join(GOLDENS).join(tab.golden), Path::to_path_buf);
        let mut files = Vec::new();
        for name in ["", "1_Pooling"] {
            let Ok(entries) = model.join(name).read_dir() else { continue };
            for entry in entries.flatten() {
                let file = Path::new(name).join(entry.file_name());
                let kind = file.extension().unwrap_or_default();
                // Links of a cache of downloads lead to files.
                let size = std::fs::metadata(entry.path()).map_or(0, |data| data.len());
                if (kind == "json" || kind == "safetensors") && file.file_name().is_some_and(|name| name != "answers.json") {
                    files.push(json!({ "name": file.to_string_lossy().replace('\\', "/"), "size": size }));
                }
            }
        }
        for needed in ["config.json", ".safetensors"] {
            if files.iter().all(|file| !file["name"].as_str().is_some_and(|name| name.ends_with(needed))) {
                return Err(format!("{} has no {needed}", model.display()));
            }
        }
        let list = folder().join("demo-models").join(tab.name);
        let text = json!({ "files": files, "random": weights.is_none() }).to_string();
        let written = std::fs::create_dir_all(&list).and_then(|()| std::fs::write(list.join("model.json"), text));
        written.map_err(|error| format!("{}: {error}", list.display()))?;
        served.extend([(tab.path, list), (tab.path, model)]);
    }
    Ok(served)
}

fn size(page: &Path, tab: &Tab) -> Result<usize> {
    let own = [format!("{}.js", tab.name), format!("pkg/{}.js", tab.name), format!("pkg/{}_bg.wasm", tab.name)];
    PAGE.iter().map(ToString::to_string).chain(own).map(|file| gzipped(&read(&page.join(file))?)).sum()
}

/// Flags of Chromium with which camera and microphone are files of ours, and pages need not ask.
///
/// **Errors** files that cannot be written.
pub(super) fn devices() -> Result<Vec<String>> {
    let made = folder().join("devices");
    let (camera, microphone) = (made.join("camera.y4m"), made.join("microphone.wav"));
    let written = std::fs::create_dir_all(&made)
        .and_then(|()| std::fs::write(&camera, one_colour(COLOUR.0)))
        .and_then(|()| std::fs::write(&microphone, long_sound()));
    written.map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(vec![
        "--use-fake-ui-for-media-stream".into(),
        "--use-fake-device-for-media-stream".into(),
        format!("--use-file-for-fake-video-capture={}", camera.display()),
        format!("--use-file-for-fake-audio-capture={}", microphone.display()),
    ])
}

/// A video of one colour, as BT.601 writes it.
fn one_colour([red, green, blue]: [f64; 3]) -> Vec<u8> {
    const SIDE: usize = 64;
    let luma = 16.0 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255.0;
    let (cb, cr) =
        (128.0 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255.0, 128.0 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255.0);
    let mut bytes = format!("YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420\n").into_bytes();
    for _ in 0..10 {
        bytes.extend(b"FRAME\n");
        for (number, count) in [(luma, SIDE * SIDE), (cb, SIDE * SIDE / 4), (cr, SIDE * SIDE / 4)] {
            bytes.resize(bytes.len() + count, number.round() as u8);
        }
    }
    bytes
}

/// Minutes of a tone that rises again and again, as WAV: more windows than the small model on the CPU hears before somebody can cancel.
fn long_sound() -> Vec<u8> {
    const RATE: u32 = 16_000;
    let samples = (0..240 * RATE).map(|n| {
        let seconds = f64::from(n % RATE) / f64::from(RATE);
        (8000.0 * (2.0 * std::f64::consts::PI * (200.0 + 900.0 * seconds) * seconds).sin()) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend([16u32.to_le_bytes(), [1, 0, 1, 0], RATE.to_le_bytes(), (2 * RATE).to_le_bytes(), [2, 0, 16, 0]].concat());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

type Test = fn(&Tried<'_>, &mut dyn Driven) -> Result<String>;

/// Tried once for every platform.
const ON_EACH: &[(&str, Test)] = &[
    ("a_click_gives_the_published_cosines", cosines),
    ("a_picture_gives_the_published_labels", picture),
    ("a_sound_gives_the_published_text", sound),
    ("text_is_shown_as_it_is_heard_and_cancel_stops", cancelled),
];

/// Tried on the platform that the page chooses.
const TESTS: &[(&str, Test)] = &[
    ("demo::the_camera_gives_the_published_labels", camera),
    ("demo::the_microphone_gives_a_text", microphone),
    ("demo::broken_files_are_told", broken),
    ("demo::devices_that_are_refused_are_told", refused),
    ("demo::a_page_without_a_model_asks_for_a_folder", folders),
    ("demo::tabs_follow_the_keyboard", keyboard),
    ("demo::each_tab_is_within_its_budget", small),
];

/// Starts another browser with more flags; none where it is driven elsewhere.
pub(super) type Another<'a> = &'a dyn Fn(&[String]) -> Result<Option<Box<dyn Driven>>>;

/// The page, served with the small random models and without.
struct Tried<'a> {
    page: PathBuf,
    server: Server,
    empty: Server,
    another: Another<'a>,
    /// The platform that the page is told to take; it chooses, where there is none.
    platform: Option<&'a str>,
}

/// The tests that a filter leaves, each with the platform that it is tried on.
fn tests<'a>(filter: &str, platforms: &'a str) -> Vec<(String, Option<&'a str>, Test)> {
    let each = platforms
        .split(',')
        .flat_map(|platform| ON_EACH.iter().map(move |(name, test)| (format!("demo::{platform}::{name}"), Some(platform), *test)));
    let chosen = TESTS.iter().map(|(name, test)| ((*name).to_owned(), None, *test));
    each.chain(chosen).filter(|(name, ..)| name.contains(filter)).collect()
}

/// How many tests [`test`] runs.
pub(super) fn count(filter: &str, platforms: &str) -> usize {
    tests(filter, platforms).len()
}

/// Measures the page and uses it as a person does: types, clicks, reads.
///
/// **Errors** a page that cannot be served.
pub(super) fn test(
    page: PathBuf,
    host: &str,
    browser: &mut dyn Driven,
    another: Another<'_>,
    (filter, platforms): (&str, &str),
    report: &mut Report,
) -> Result {
    let (server, empty) = (serve(host, &page, lay(&[None; 3])?)?, serve(host, &page, Vec::new())?);
    let mut tried = Tried { server, empty, page, another, platform: None };
    for (name, platform, test) in tests(filter, platforms) {
        let started = Instant::now();
        tried.platform = platform;
        let (status, message) = match test(&tried, browser) {
            Ok(words) => ("ok", words),
            Err(reason) if reason == PIPE_ONLY => ("ignored", reason),
            Err(reason) if platform.is_some_and(|platform| reason.contains(&format!("{platform} is unavailable: "))) => ("ignored", reason),
            Err(reason) => ("FAILED", reason),
        };
        let ms = started.elapsed().as_secs_f64() * 1e3;
        report.take(&json!({ "event": "result", "name": name, "status": status, "message": message, "ms": ms }));
    }
    Ok(())
}

fn small(tried: &Tried<'_>, _: &mut dyn Driven) -> Result<String> {
    let (mut words, mut within) = (Vec::new(), true);
    for tab in &TABS {
        let bytes = size(&tried.page, tab)?;
        within &= bytes <= BUDGET;
        words.push(format!("{} {bytes}", tab.name));
    }
    let words = format!("bytes gzipped: {}; at most {BUDGET} each", words.join(", "));
    if within { Ok(words) } else { Err(words) }
}

fn golden(path: &str) -> PathBuf {
    root().join(GOLDENS).join(path)
}

fn answers(golden_of: &str) -> Result<Value> {
    serde_json::from_slice(&read(&golden(golden_of).join("answers.json"))?).map_err(|error| error.to_string())
}

/// Loads the page anew, from one of its servers, and opens one of its tabs by a click.
fn open(tried: &Tried<'_>, server: &Server, browser: &mut dyn Driven, tab: &str) -> Result {
    let asked = tried.platform.map_or(String::new(), |platform| format!("platform={platform}&"));
    // Another address each time, or only the part behind # would change.
    browser.open(&format!("{}?{asked}tried={tab}{:?}", server.address(), Instant::now()).replace(' ', ""))?;
    let end = Instant::now() + Duration::from_secs(10);
    while browser.text("[aria-selected=true]").is_err() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    browser.click(&format!("#{tab}-tab"))
}

/// Waits until a tab's state is what it should be.
fn wait(browser: &mut dyn Driven, tab: &str, done: impl Fn(&str) -> bool) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(120);
    let mut state = String::new();
    while Instant::now() < end {
        browser.attend();
        // The page may still be on its way.
        state = browser.text(&format!("#{tab} .state")).unwrap_or_default();
        if done(&state) {
            return Ok(state);
        }
        if state.starts_with("failed") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("the tab {tab} says `{state}`"))
}

/// The platform that the plan names: the one that was asked for.
fn platform(tried: &Tried<'_>, browser: &mut dyn Driven, tab: &str) -> Result<String> {
    let plan = browser.text(&format!("#{tab} .plan"))?;
    let platform = plan.lines().next().unwrap_or_default().split_whitespace().nth(1).unwrap_or_default().to_owned();
    let known = tried.platform.map_or(["webnn", "webgpu", "cpu"].contains(&platform.as_str()), |asked| platform == asked);
    if known && plan.contains("Passed over") && plan.contains(" ms") { Ok(platform) } else { Err(format!("the plan says:\n{plan}")) }
}

/// Every text of the golden is asked for among all of them; what the page shows is held to HF's tokens and embeddings.
fn cosines(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    let answers = answers(TABS[0].golden)?;
    // A line of the page has no line break and no tab.
    let typed = |text: &&Value| text.as_str().is_some_and(|text| !text.trim().is_empty() && !text.contains(['\n', '\t']));
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
    open(tried, &tried.server, browser, "text")?;
    wait(browser, "text", |state| state == "ready")?;
    browser.fill("#text .known", &lines.join("\n"))?;
    let mut compared = 0;
    for &place in &places {
        browser.fill("#text .query", texts[place].as_str().unwrap_or_default())?;
        browser.click("#text .find")?;
        let state = wait(browser, "text", |state| state.starts_with("done"))?;
        let tokens = answers["encodings"][place]["input_ids"].as_array().map_or(0, Vec::len);
        if !state.starts_with(&format!("done: {tokens} tokens")) {
            return Err(format!("`{}`: expected {tokens} tokens, the page says `{state}`", texts[place]));
        }
        let shown = browser.text("#text .answers")?;
        for &other in &places {
            let text = texts[other].as_str().unwrap_or_default();
            let row = shown
                .lines()
                .find(|line| line.trim_end().ends_with(text.trim_end()))
                .ok_or_else(|| format!("`{text}` is not in:\n{shown}"))?;
            let found: f64 =
                row.split_whitespace().next().and_then(|number| number.parse().ok()).ok_or_else(|| format!("no number in `{row}`"))?;
            let expected = cosine(place, other);
            if found.is_nan() || (found - expected).abs() > TOLERANCE {
                return Err(format!("`{}` and `{text}`: expected {expected:.4}, found {found:.4}", texts[place]));
            }
            compared += 1;
        }
    }
    let platform = platform(tried, browser, "text")?;
    if compared == 0 { Err("nothing was compared".into()) } else { Ok(format!("{compared} cosines, on {platform}")) }
}

/// Holds the labels that the page shows to HF's of a picture, in order.
fn labels(browser: &mut dyn Driven, expected: &Value, tolerance: f64) -> Result {
    let shown = browser.text("#picture .answers")?;
    let expected = expected.as_array().filter(|expected| !expected.is_empty()).ok_or("the golden has no labels")?;
    for (place, expected) in expected.iter().enumerate() {
        let row = shown.lines().nth(place).unwrap_or_default();
        let (score, label) = row.split_once(char::is_whitespace).unwrap_or_default();
        let near = score.parse::<f64>().is_ok_and(|score| (score - expected["score"].as_f64().unwrap_or(f64::NAN)).abs() <= tolerance);
        if label.trim() != expected["label"] || !near {
            return Err(format!("place {place}: expected {expected}, found `{row}`"));
        }
    }
    Ok(())
}

/// Every picture of the golden is chosen.
fn picture(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    let answers = answers(TABS[1].golden)?;
    open(tried, &tried.server, browser, "picture")?;
    wait(browser, "picture", |state| state == "ready")?;
    let names: Vec<&str> = answers["pictures"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, expected) in names.iter().zip(answers["answers"].as_array().into_iter().flatten()) {
        browser.choose("#picture .file", &[&golden("vision/pictures").join(name)])?;
        wait(browser, "picture", |state| state.starts_with(&format!("done: {name}")))?;
        labels(browser, expected, TOLERANCE).map_err(|error| format!("{name}: {error}"))?;
    }
    let platform = platform(tried, browser, "picture")?;
    if names.is_empty() { Err("the golden has no pictures".into()) } else { Ok(format!("{}, on {platform}", names.join(", "))) }
}

/// The camera sees one colour, and the golden has a picture of it.
fn camera(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    browser.has_devices()?;
    let answers = answers(TABS[1].golden)?;
    let place = answers["pictures"].as_array().and_then(|names| names.iter().position(|name| name == COLOUR.1));
    let expected = &answers["answers"][place.ok_or_else(|| format!("the golden has no {}", COLOUR.1))?];
    open(tried, &tried.server, browser, "picture")?;
    wait(browser, "picture", |state| state == "ready")?;
    browser.click("#picture .camera")?;
    wait(browser, "picture", |state| state == "the camera is on")?;
    browser.click("#picture .shoot")?;
    let state = wait(browser, "picture", |state| state.starts_with("done: the camera"))?;
    labels(browser, expected, CAMERA_TOLERANCE)?;
    Ok(format!("{state}, on {}", platform(tried, browser, "picture")?))
}

/// Holds the text of the golden's sound to HF's.
fn hears(browser: &mut dyn Driven) -> Result<usize> {
    let answers = answers(TABS[2].golden)?;
    let greedy = |case: &&Value| case["num_beams"] == 1 && case["timestamps"] == false;
    let expected = answers["cases"].as_array().into_iter().flatten().find(greedy).ok_or("the golden has no greedy text")?;
    browser.choose("#sound .file", &[&golden("speech/sound.wav")])?;
    let tokens = expected["tokens"].as_array().map_or(0, Vec::len);
    let state = wait(browser, "sound", |state| state.starts_with("done"))?;
    let shown = browser.text("#sound .said")?;
    if shown != expected["text"] || !state.starts_with(&format!("done: {tokens} tokens")) {
        return Err(format!("expected {tokens} tokens: {}\nthe page says `{state}`: {shown}", expected["text"]));
    }
    Ok(tokens)
}

fn sound(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    open(tried, &tried.server, browser, "sound")?;
    wait(browser, "sound", |state| state == "ready")?;
    let tokens = hears(browser)?;
    Ok(format!("{tokens} tokens, on {}", platform(tried, browser, "sound")?))
}

/// What a recording sounds like is the browser's, so that only its length and that there is a text are held.
fn microphone(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    browser.has_devices()?;
    open(tried, &tried.server, browser, "sound")?;
    wait(browser, "sound", |state| state == "ready")?;
    browser.click("#sound .record")?;
    wait(browser, "sound", |state| state == "recording")?;
    let spoken = Duration::from_millis(800);
    std::thread::sleep(spoken);
    browser.click("#sound .stop")?;
    let state = wait(browser, "sound", |state| state.starts_with("done"))?;
    let number = |before: &str| {
        state
            .split_whitespace()
            .collect::<Vec<_>>()
            .windows(2)
            .find(|pair| pair[1].starts_with(before))
            .and_then(|pair| pair[0].parse::<f64>().ok())
    };
    let (tokens, seconds) = (number("tokens").unwrap_or(0.0), number("seconds").unwrap_or(0.0));
    if tokens < 1.0 || !(0.5 * spoken.as_secs_f64()..10.0).contains(&seconds) || browser.text("#sound .said")?.is_empty() {
        return Err(format!("spoken for {spoken:?}, the page says `{state}`"));
    }
    Ok(format!("{state}, on {}", platform(tried, browser, "sound")?))
}

/// A long sound is cancelled once there is text; then the tab goes on as before.
fn cancelled(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    let long = folder().join("long.wav");
    std::fs::write(&long, long_sound()).map_err(|error| format!("{}: {error}", long.display()))?;
    open(tried, &tried.server, browser, "sound")?;
    wait(browser, "sound", |state| state == "ready")?;
    browser.choose("#sound .file", &[&long])?;
    let listening = |state: &str| state.starts_with("listening");
    wait(browser, "sound", listening)?;
    let end = Instant::now() + Duration::from_secs(60);
    let mut seen = Vec::new();
    while seen.len() < 3 && Instant::now() < end {
        let shown = browser.text("#sound .said")?;
        if !shown.is_empty() && seen.last() != Some(&shown) {
            seen.push(shown);
        }
    }
    wait(browser, "sound", listening).map_err(|error| format!("{error} after {} texts", seen.len()))?;
    let grown = seen.windows(2).all(|pair| pair[1].starts_with(pair[0].trim_end_matches('\u{fffd}')));
    if seen.len() < 3 || !grown {
        return Err(format!("the text does not grow: {seen:?}"));
    }
    browser.click("#sound .cancel")?;
    let clicked = Instant::now();
    wait(browser, "sound", |state| state.starts_with("cancelled"))?;
    let took = clicked.elapsed().as_secs_f64() * 1e3;
    let tokens = hears(browser)?;
    Ok(format!("stopped {took:.0} ms after the click; then {tokens} tokens of another sound, on {}", platform(tried, browser, "sound")?))
}

/// A file that is neither a picture nor a sound is told, and the tab goes on.
fn broken(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    let broken = folder().join("broken");
    std::fs::write(&broken, "neither a picture nor a sound").map_err(|error| format!("{}: {error}", broken.display()))?;
    for tab in ["picture", "sound"] {
        open(tried, &tried.server, browser, tab)?;
        wait(browser, tab, |state| state == "ready")?;
        browser.choose(&format!("#{tab} .file"), &[&broken])?;
        wait(browser, tab, |state| state == format!("failed: broken is no {tab} that this browser reads"))?;
    }
    hears(browser)?;
    Ok("a picture and a sound".into())
}

/// A browser whose user refuses is told from one without a camera.
fn refused(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    browser.has_devices()?;
    let mut other = (tried.another)(&["--use-fake-ui-for-media-stream=deny".into()])?.ok_or(PIPE_ONLY)?;
    for (tab, device, button) in [("picture", "camera", ".camera"), ("sound", "microphone", ".record")] {
        open(tried, &tried.server, other.as_mut(), tab)?;
        wait(other.as_mut(), tab, |state| state == "ready")?;
        other.click(&format!("#{tab} {button}"))?;
        let says = format!("failed: the {device} is not allowed: permit it beside the page's address, or choose a file");
        wait(other.as_mut(), tab, |state| state == says)?;
    }
    Ok("camera, microphone".into())
}

/// Where no model is served the tab asks for its folder, and takes it.
fn folders(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    for tab in &TABS {
        open(tried, &tried.empty, browser, tab.name)?;
        wait(browser, tab.name, |state| state == "choose a model")?;
        browser.choose(&format!("#{} .folder", tab.name), &[&golden(tab.golden)])?;
        wait(browser, tab.name, |state| state == "ready")?;
    }
    hears(browser)?;
    Ok(TABS.map(|tab| tab.name).join(", "))
}

/// The keys of ARIA's tabs.
fn keyboard(tried: &Tried<'_>, browser: &mut dyn Driven) -> Result<String> {
    open(tried, &tried.empty, browser, "text")?;
    let keys = [
        ("ArrowRight", "Picture"),
        ("ArrowRight", "Sound"),
        ("ArrowRight", "Text"),
        ("ArrowLeft", "Sound"),
        ("Home", "Text"),
        ("End", "Sound"),
    ];
    for (key, expected) in keys {
        browser.press(key)?;
        let selected = browser.text("[role=tab][aria-selected=true]")?;
        let focused = browser.text("[role=tab]:focus")?;
        if selected != expected || focused != expected {
            return Err(format!("{key}: expected {expected}, selected is {selected}, focused {focused}"));
        }
    }
    Ok(keys.map(|(key, _)| key).join(", "))
}

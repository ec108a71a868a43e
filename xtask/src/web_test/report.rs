//! What the page told, printed as cargo prints it, and kept for whoever looks for the cause.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::browser::Browser;
use crate::shell::Result;

/// The results so far.
pub(super) struct Report {
    started: Instant,
    heard: Instant,
    silence: Duration,
    browser: String,
    agent: String,
    expected: Option<usize>,
    results: Vec<Value>,
    running: Option<String>,
    /// What failed outside of any test.
    fatal: Vec<String>,
    done: bool,
}

impl Report {
    pub(super) fn new(browser: &str, silence: Duration) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            heard: now,
            silence,
            browser: browser.to_owned(),
            agent: String::new(),
            expected: None,
            results: Vec::new(),
            running: None,
            fatal: Vec::new(),
            done: false,
        }
    }

    /// True where nothing more is to be expected.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Takes in one event of the page.
    pub(super) fn take(&mut self, event: &Value) {
        self.heard = Instant::now();
        let text = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
        match text("event").as_str() {
            "start" => {
                let count = event["tests"].as_u64().unwrap_or_default() as usize;
                self.expected = Some(count);
                self.agent = text("agent");
                println!("\nrunning {count} tests");
            }
            "running" => self.running = Some(text("name")),
            "result" => {
                self.running = None;
                let milliseconds = event["ms"].as_f64().unwrap_or_default();
                println!("test {} ... {} ({milliseconds:.0} ms)", text("name"), text("status"));
                if text("status") == "ignored" {
                    println!("skipped: {}: {}", text("name"), text("message"));
                }
                self.results.push(event.clone());
            }
            "end" => self.done = true,
            "fatal" => self.fail(text("message")),
            other => self.fail(format!("the page told of `{other}`, which nothing here knows: {event}")),
        }
    }

    /// Holds the browser and the clock against what is expected.
    pub(super) fn attend(&mut self, browser: &Browser) {
        if let Some(reason) = browser.dead.as_ref().filter(|_| !self.done) {
            self.fail(reason.clone());
        } else if self.heard.elapsed() > self.silence && !self.done {
            self.fail(format!("the page said nothing for {} s", self.silence.as_secs()));
        }
    }

    fn fail(&mut self, reason: String) {
        let during = self.running.take().map_or(String::new(), |name| format!(" during `{name}`"));
        self.fatal.push(format!("{reason}{during}"));
        self.done = true;
    }

    fn count(&self, status: &str) -> usize {
        self.results.iter().filter(|result| result["status"] == status).count()
    }

    /// Prints the failures and the summary; after a failure, console, screenshot and results lie in `folder`.
    ///
    /// **Errors** a test that failed, a page that did, or fewer results than tests.
    pub(super) fn finish(mut self, browser: &mut Browser, folder: &Path) -> Result {
        browser.attend();
        if self.fatal.is_empty() && self.expected != Some(self.results.len()) {
            self.fatal.push(format!("{} of {:?} tests told their results", self.results.len(), self.expected.unwrap_or_default()));
        }
        if self.fatal.is_empty() && self.results.is_empty() {
            self.fatal.push("no test was run".into());
        }
        let failed = self.count("FAILED") + self.fatal.len();
        if failed > 0 {
            println!("\nfailures:\n");
            for result in self.results.iter().filter(|result| result["status"] == "FAILED") {
                let text = |member: &str| result[member].as_str().unwrap_or_default();
                println!("---- {} ----\n{}\n", text("name"), text("message"));
            }
            self.fatal.iter().for_each(|reason| println!("---- the page ----\n{reason}\n"));
            browser.console.iter().rev().take(20).rev().for_each(|line| println!("console: {line}"));
        }
        let (passed, ignored) = (self.count("ok"), self.count("ignored"));
        let seconds = self.started.elapsed().as_secs_f64();
        let verdict = if failed > 0 { "FAILED" } else { "ok" };
        self.keep(browser, folder, failed > 0)?;
        println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s");
        if failed > 0 { Err(format!("web tests failed; console, screenshot and results: {}", folder.display())) } else { Ok(()) }
    }

    fn keep(&self, browser: &mut Browser, folder: &Path, failed: bool) -> Result {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(wrong)?;
        let report = json!({ "browser": self.browser, "agent": self.agent, "results": self.results, "fatal": self.fatal });
        std::fs::write(folder.join("report.json"), format!("{report:#}\n")).map_err(wrong)?;
        std::fs::write(folder.join("console.log"), browser.console.join("\n")).map_err(wrong)?;
        if let Some(image) = browser.screenshot().filter(|_| failed) {
            std::fs::write(folder.join("screenshot.png"), image).map_err(wrong)?;
        }
        Ok(())
    }
}

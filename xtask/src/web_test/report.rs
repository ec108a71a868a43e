//! What the page told, printed as cargo prints it, and kept for whoever looks for the cause.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Driven;
use crate::shell::Result;

/// Browsers that are started anew in one run, behind tests that ended the one before.
const RESTARTS: usize = 50;

/// What runs in the page.
#[derive(Clone, Debug, Default)]
struct Running {
    test: String,
    index: u64,
    /// Of a test of vectors: the case, and its number among all that were told.
    case: Option<(String, u64)>,
}

/// Where a browser that is started anew goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Restart {
    /// The test.
    pub(super) from: u64,
    /// The cases not to be run again: `[{"test", "case", "reason"}, …]`.
    pub(super) ended: Value,
}

/// The results so far.
pub(super) struct Report {
    started: Instant,
    heard: Instant,
    silence: Duration,
    browser: String,
    agent: String,
    expected: Option<usize>,
    /// Tests that are no page's.
    own: usize,
    results: Vec<Value>,
    running: Option<Running>,
    /// Cases that ended the page.
    ended: Vec<Value>,
    restarts: usize,
    restart: Option<Restart>,
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
            own: 0,
            results: Vec::new(),
            running: None,
            ended: Vec::new(),
            restarts: 0,
            restart: None,
            fatal: Vec::new(),
            done: false,
        }
    }

    /// Expects tests beside those of the page.
    pub(super) fn expect(&mut self, tests: usize) {
        self.own += tests;
    }

    /// True where nothing more is to be expected of this browser.
    pub(super) fn is_done(&self) -> bool {
        self.done || self.restart.is_some()
    }

    /// What a browser that is started anew has to do, if one is to be.
    pub(super) fn take_restart(&mut self) -> Option<Restart> {
        self.heard = Instant::now();
        self.restart.take()
    }

    /// Takes in one event of the page.
    pub(super) fn take(&mut self, event: &Value) {
        self.heard = Instant::now();
        let text = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
        match text("event").as_str() {
            "start" => {
                let count = event["tests"].as_u64().unwrap_or_default() as usize;
                self.expected = Some(count + self.own);
                self.agent = text("agent");
                println!("\nrunning {count} tests");
            }
            "running" => {
                self.running = Some(Running { test: text("name"), index: event["index"].as_u64().unwrap_or_default(), case: None });
            }
            "case" => {
                let number = event["number"].as_u64().unwrap_or_default();
                let running = self.running.as_mut().filter(|running| event["test"] == running.test.as_str());
                // They may overtake each other.
                if let Some(running) = running.filter(|running| running.case.as_ref().is_none_or(|(_, known)| *known < number)) {
                    running.case = Some((text("case"), number));
                }
            }
            "result" => {
                self.running = None;
                let milliseconds = event["ms"].as_f64().unwrap_or_default();
                let note =
                    if text("status") == "ok" && !text("message").is_empty() { format!(", {}", text("message")) } else { String::new() };
                println!("test {} ... {} ({milliseconds:.0} ms{note})", text("name"), text("status"));
                if text("status") == "ignored" {
                    println!("skipped: {}: {}", text("name"), text("message"));
                }
                self.results.push(event.clone());
            }
            "ended" => self.stop(text("message")),
            "end" => self.done = true,
            "fatal" => self.fail(text("message")),
            other => self.fail(format!("the page told of `{other}`, which nothing here knows: {event}")),
        }
    }

    /// Holds the browser and the clock against what is expected.
    pub(super) fn attend(&mut self, browser: &dyn Driven) {
        if self.is_done() {
            return;
        }
        if let Some(reason) = browser.dead() {
            self.stop(reason.to_owned());
        } else if self.heard.elapsed() > self.silence {
            self.stop(format!("the page said nothing for {} s", self.silence.as_secs()));
        }
    }

    /// The browser is of no more use. Behind what it was running, or behind the case that ended it, another one goes on.
    fn stop(&mut self, reason: String) {
        let Some(running) = self.running.clone().filter(|_| self.restarts < RESTARTS) else { return self.fail(reason) };
        self.restarts += 1;
        let from = match running.case {
            Some((case, _)) => {
                println!("{}: `{case}`: {reason}; another browser goes on", running.test);
                self.ended.push(json!({ "test": running.test, "case": case, "reason": reason }));
                running.index
            }
            None => {
                self.take(&json!({ "event": "result", "name": running.test, "status": "FAILED", "message": reason }));
                running.index + 1
            }
        };
        self.running = None;
        self.restart = Some(Restart { from, ended: self.ended.clone().into() });
    }

    fn fail(&mut self, reason: String) {
        let during = self.running.take().map_or(String::new(), |running| format!(" during `{}`", running.test));
        self.fatal.push(format!("{reason}{during}"));
        self.done = true;
    }

    /// What the vectors came to, by platform: `{"backend", "adapter", "cases", "operators", "not_passed"}`.
    pub(super) fn records(&self) -> BTreeMap<String, Value> {
        let mut records = BTreeMap::new();
        for record in self.results.iter().map(|result| &result["record"]).filter(|record| record.is_object()) {
            let backend = record["backend"].as_str().unwrap_or_default();
            let whole = records.entry(backend.to_owned()).or_insert_with(
                || json!({ "backend": backend, "adapter": record["adapter"], "cases": 0, "operators": 0, "not_passed": [] }),
            );
            whole["cases"] = (whole["cases"].as_u64().unwrap_or_default() + record["cases"].as_u64().unwrap_or_default()).into();
            whole["operators"] = (whole["operators"].as_u64().unwrap_or_default() + 1).into();
            if let (Some(all), Some(more)) = (whole["not_passed"].as_array_mut(), record["not_passed"].as_array()) {
                all.extend(more.iter().cloned());
            }
        }
        records
    }

    fn count(&self, status: &str) -> usize {
        self.results.iter().filter(|result| result["status"] == status).count()
    }

    /// What is wrong with a run in which nothing failed.
    fn complaint(&self) -> Option<String> {
        match self.expected {
            _ if !self.fatal.is_empty() => None,
            Some(expected) if expected != self.results.len() => {
                Some(format!("{} of {expected} tests told their results", self.results.len()))
            }
            None => Some("the page told of no tests".into()),
            Some(0) => Some("no test was run".into()),
            Some(_) => None,
        }
    }

    /// Prints the failures and the summary; after a failure, console, screenshot and results lie in `folder`.
    ///
    /// **Errors** a test that failed, a page that did, or fewer results than tests.
    pub(super) fn finish(mut self, browser: &mut dyn Driven, folder: &Path) -> Result {
        browser.attend();
        self.fatal.extend(self.complaint());
        let failed = self.count("FAILED") + self.fatal.len();
        if failed > 0 {
            println!("\nfailures:\n");
            for result in self.results.iter().filter(|result| result["status"] == "FAILED") {
                let text = |member: &str| result[member].as_str().unwrap_or_default();
                println!("---- {} ----\n{}\n", text("name"), text("message"));
            }
            self.fatal.iter().for_each(|reason| println!("---- the page ----\n{reason}\n"));
            let last = browser.console().iter().rev().take(10).rev();
            last.for_each(|entry| println!("console: {}", entry.lines().next().unwrap_or_default()));
        }
        let (passed, ignored) = (self.count("ok"), self.count("ignored"));
        let seconds = self.started.elapsed().as_secs_f64();
        let verdict = if failed > 0 { "FAILED" } else { "ok" };
        self.keep(browser, folder, failed > 0)?;
        println!(
            "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s"
        );
        if failed > 0 { Err(format!("web tests failed; console, screenshot and results: {}", folder.display())) } else { Ok(()) }
    }

    fn keep(&self, browser: &mut dyn Driven, folder: &Path, failed: bool) -> Result {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(wrong)?;
        let report = json!({ "browser": self.browser, "agent": self.agent, "results": self.results, "fatal": self.fatal });
        std::fs::write(folder.join("report.json"), format!("{report:#}\n")).map_err(wrong)?;
        std::fs::write(folder.join("console.log"), browser.console().join("\n")).map_err(wrong)?;
        if let Some(image) = browser.screenshot().filter(|_| failed) {
            std::fs::write(folder.join("screenshot.png"), image).map_err(wrong)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(events: &[Value]) -> Report {
        let mut report = Report::new("a browser", Duration::from_secs(60));
        events.iter().for_each(|event| report.take(event));
        report
    }

    fn result(name: &str, status: &str) -> Value {
        json!({ "event": "result", "name": name, "status": status, "message": "why", "ms": 1.5 })
    }

    #[test]
    fn results_are_counted() {
        let start = json!({ "event": "start", "tests": 3, "agent": "x" });
        let end = json!({ "event": "end" });
        let report = report(&[start, result("a", "ok"), result("b", "ignored"), result("c", "FAILED"), end]);
        assert!(report.is_done() && report.complaint().is_none());
        assert_eq!(["ok", "ignored", "FAILED"].map(|status| report.count(status)), [1, 1, 1]);
    }

    #[test]
    fn a_page_that_ends_early_or_is_empty_is_a_failure() {
        let start = |tests: usize| json!({ "event": "start", "tests": tests });
        assert_eq!(
            report(&[start(2), result("a", "ok"), json!({ "event": "end" })]).complaint(),
            Some("1 of 2 tests told their results".into())
        );
        assert_eq!(report(&[start(0), json!({ "event": "end" })]).complaint(), Some("no test was run".into()));
        assert_eq!(report(&[json!({ "event": "end" })]).complaint(), Some("the page told of no tests".into()));
    }

    #[test]
    fn another_browser_goes_on_behind_what_ended_one() {
        let running = json!({ "event": "running", "name": "a", "index": 4 });
        let case = |name: &str, number: u64| json!({ "event": "case", "test": "a", "case": name, "number": number });
        let mut report = report(&[running.clone(), case("second", 2), case("first", 1)]);
        report.stop("gone".into());
        let ended = json!([{ "test": "a", "case": "second", "reason": "gone" }]);
        assert!(report.is_done() && report.results.is_empty());
        assert_eq!(report.take_restart(), Some(Restart { from: 4, ended: ended.clone() }));
        assert!(!report.is_done());
        report.take(&running);
        report.stop("gone".into());
        assert_eq!((report.take_restart(), report.count("FAILED")), (Some(Restart { from: 5, ended }), 1));
        report.restarts = RESTARTS;
        report.take(&running);
        report.stop("gone".into());
        assert_eq!((report.take_restart(), report.fatal), (None, vec!["gone during `a`".to_owned()]));
    }

    #[test]
    fn records_of_operators_are_put_together() {
        let result = |operator: &str, not_passed: Value| {
            let record = json!({ "backend": "cpu", "adapter": "x", "cases": 3, "not_passed": not_passed });
            json!({ "event": "result", "name": operator, "status": "ok", "record": record })
        };
        let records = report(&[result("add", json!([])), result("sub", json!([1])), result("other", json!([]))]).records();
        assert_eq!(records["cpu"], json!({ "backend": "cpu", "adapter": "x", "cases": 9, "operators": 3, "not_passed": [1] }));
    }

    #[test]
    fn what_fails_outside_of_a_test_names_the_test_it_fell_on() {
        let running = json!({ "event": "running", "name": "a" });
        let fatal = report(&[running, json!({ "event": "fatal", "message": "thrown" })]);
        assert!(fatal.is_done());
        assert_eq!(fatal.fatal, ["thrown during `a`"]);
        assert!(report(&[Value::Null]).is_done());
    }
}

//! Everything that must hold, in the order in which it fails soonest.

use std::collections::BTreeSet;

use crate::setup;
use crate::shell::{Result, cargo, command, root, run as run_command, run_reading};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out formats, lints and drift.
    #[arg(long)]
    only_tests: bool,
    /// Leave out the tests in a browser.
    #[arg(long)]
    without_web: bool,
}

/// Passed, failed and skipped tests of every suite, and the reasons of the skips.
#[derive(Debug, Default)]
struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
    reasons: Vec<String>,
    /// The test whose output is being read, and the tests of this suite that said they were skipped: libtest calls them passed.
    section: String,
    unrun: BTreeSet<String>,
}

impl Summary {
    /// Takes in one line of a suite's output.
    fn read(&mut self, line: &str) {
        if let Some(result) = line.trim_start().strip_prefix("test result: ") {
            let count = |what: &str| {
                result.split([';', '.']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok()).unwrap_or(0)
            };
            let unrun = std::mem::take(&mut self.unrun).len();
            self.passed += count("passed").saturating_sub(unrun);
            self.failed += count("failed");
            self.skipped += count("ignored") + unrun;
            self.section.clear();
        } else if let Some(test) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            test.clone_into(&mut self.section);
        } else if let Some(start) = line.find("skipped: ") {
            self.reasons.push(line[start..].to_owned());
            if !self.section.is_empty() {
                self.unrun.insert(self.section.clone());
            }
        }
    }
}

/// **Errors** the first step that fails.
pub(crate) fn run(arguments: &Arguments) -> Result {
    setup::run()?;
    if !arguments.only_tests {
        run_command(cargo(&["fmt", "--all", "--check"]))?;
        let mut web = cargo(&["fmt", "--all", "--check"]);
        web.current_dir(root().join("web"));
        run_command(web)?;
        run_command(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        run_command(cargo(&["run", "--quiet", "--bin", "gen", "--", "all", "--check"]))?;
        run_command(cargo(&["run", "--quiet", "--bin", "gen", "--", "validate"]))?;
    }
    let mut summary = Summary::default();
    // The tests of this program print lines that look like results, so they run apart, in silence.
    let product: &[&str] = &["test", "--workspace", "--exclude", "xtask", "--no-fail-fast", "--", "--show-output"];
    let mut green = true;
    for suite in [product, &["test", "--package", "xtask"]] {
        green &= run_reading(cargo(suite), |line| summary.read(line))?;
    }
    if arguments.without_web {
        println!("skipped: web tests: left out by --without-web");
        summary.read("skipped: web tests: left out by --without-web");
        summary.skipped += 1;
    } else {
        // This program again: its lines are those of a suite.
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        green &= run_reading(command(&this.to_string_lossy(), &["web-test"]), |line| summary.read(line))?;
    }
    summary.reasons.sort();
    summary.reasons.dedup();
    if !summary.reasons.is_empty() {
        println!("\nskipped:");
    }
    for reason in &summary.reasons {
        println!("  {reason}");
    }
    println!("\n{} passed, {} failed, {} skipped", summary.passed, summary.failed, summary.skipped);
    if green && summary.failed == 0 && summary.passed > 0 { Ok(()) } else { Err("tests failed".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_add_up() {
        let mut summary = Summary::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
            "skipped: a_test: webnn is unavailable: no browser",
            "---- kernels::product stdout ----",
            "skipped: there is no adapter",
            "skipped: there is no adapter",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            summary.read(line);
        }
        assert_eq!((summary.passed, summary.failed, summary.skipped), (18, 3, 2));
        assert_eq!(summary.reasons.len(), 3);
    }
}

//! Everything that must hold, in the order in which it fails soonest.

use crate::setup;
use crate::shell::{Result, cargo, run as run_command, run_reading};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out formats, lints and drift.
    #[arg(long)]
    only_tests: bool,
}

/// Passed, failed and skipped tests of every suite, and the reasons of the skips.
#[derive(Debug, Default, PartialEq)]
struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
    reasons: Vec<String>,
}

impl Summary {
    /// Takes in one line of a suite's output.
    fn read(&mut self, line: &str) {
        if let Some(result) = line.trim_start().strip_prefix("test result: ") {
            let count = |what: &str| {
                result.split([';', '.']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok()).unwrap_or(0)
            };
            self.passed += count("passed");
            self.failed += count("failed");
            self.skipped += count("ignored");
        } else if let Some(start) = line.find("skipped: ") {
            self.reasons.push(line[start..].to_owned());
        }
    }
}

/// **Errors** the first step that fails.
pub(crate) fn run(arguments: &Arguments) -> Result {
    setup::run()?;
    if !arguments.only_tests {
        run_command(cargo(&["fmt", "--all", "--check"]))?;
        run_command(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        run_command(cargo(&["run", "--quiet", "--bin", "gen", "--", "all", "--check"]))?;
        run_command(cargo(&["run", "--quiet", "--bin", "gen", "--", "validate"]))?;
    }
    let mut summary = Summary::default();
    let green = run_reading(cargo(&["test", "--workspace", "--no-fail-fast"]), |line| summary.read(line))?;
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
        ] {
            summary.read(line);
        }
        let reasons = vec!["skipped: a_test: webnn is unavailable: no browser".to_owned()];
        assert_eq!(summary, Summary { passed: 14, failed: 3, skipped: 1, reasons });
    }
}

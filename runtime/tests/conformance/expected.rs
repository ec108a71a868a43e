//! Failures that are known, as data: a case that is listed and passes is a failure, so that the list cannot outlive its causes.

use serde::Deserialize;

use super::Outcome;

/// The list beside this file.
#[derive(Deserialize)]
pub(crate) struct Expected(Vec<Entry>);

/// A case that is known to fail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `cpu`, `webgpu`, `webnn`, or `reference`.
    backend: String,
    /// Part of the adapter's name; empty for all.
    adapter: String,
    /// The file's name.
    operator: String,
    /// The case's whole name.
    case: String,
    reason: String,
    source: String,
}

impl Expected {
    /// The list of this repository.
    ///
    /// **Errors** a file that is not as documented.
    pub(crate) fn read() -> Result<Self, String> {
        serde_json::from_str(include_str!("expected_failures.json")).map_err(|error| format!("expected_failures.json: {error}"))
    }

    /// The outcome in view of the list.
    pub(crate) fn judge(&self, backend: &str, adapter: &str, operator: &str, case: &str, outcome: Outcome) -> Outcome {
        let here = |entry: &&Entry| entry.backend == backend && adapter.contains(&entry.adapter);
        let Some(entry) = self.0.iter().filter(here).find(|entry| entry.operator == operator && entry.case == case) else { return outcome };
        match outcome {
            Outcome::Failed(reason) => Outcome::Expected(format!("{reason} ({}; {})", entry.reason, entry.source)),
            Outcome::Passed => Outcome::Failed(format!("passes, but is listed as a failure: {}; take it off the list", entry.reason)),
            outcome => outcome,
        }
    }
}

//! Failures that are known, as data: a case that is listed and passes is a failure, so that the list cannot outlive its causes.

use serde_json::Value;

/// What came of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Failed as the list of known failures says.
    Expected(String),
    Unsupported(String),
}

/// The list beside this file.
pub(crate) struct Expected(Vec<Entry>);

/// A case that is known to fail.
struct Entry {
    /// `cpu`, `webgpu`, `webnn`, or `reference`.
    backend: String,
    /// Part of the adapter's name, which in a browser names the browser too; empty for all.
    adapter: String,
    /// The file's name.
    operator: String,
    /// The case's whole name.
    case: String,
    reason: String,
    /// An address, or how it was seen.
    source: String,
    /// The day on which that was so.
    date: String,
}

impl Expected {
    /// The list of this repository.
    ///
    /// **Errors** a file that is not as documented.
    pub(crate) fn read() -> Result<Self, String> {
        let wrong = |reason: String| format!("expected_failures.json: {reason}");
        let list: Vec<serde_json::Map<String, Value>> =
            serde_json::from_str(include_str!("expected_failures.json")).map_err(|error| wrong(error.to_string()))?;
        let entry = |mut fields: serde_json::Map<String, Value>| {
            let mut take = |name: &str| match fields.remove(name) {
                Some(Value::String(text)) => Ok(text),
                found => Err(wrong(format!("`{name}` must be a text, found {found:?}"))),
            };
            let entry = Entry {
                backend: take("backend")?,
                adapter: take("adapter")?,
                operator: take("operator")?,
                case: take("case")?,
                reason: take("reason")?,
                source: take("source")?,
                date: take("date")?,
            };
            fields.keys().next().map_or(Ok(entry), |name| Err(wrong(format!("no field `{name}`"))))
        };
        list.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// The outcome in view of the list.
    pub(crate) fn judge(&self, backend: &str, adapter: &str, operator: &str, case: &str, outcome: Outcome) -> Outcome {
        let here = |entry: &&Entry| entry.backend == backend && adapter.contains(&entry.adapter);
        let Some(entry) = self.0.iter().filter(here).find(|entry| entry.operator == operator && entry.case == case) else { return outcome };
        match outcome {
            Outcome::Failed(_) => Outcome::Expected(format!("{} ({}, {})", entry.reason, entry.source, entry.date)),
            Outcome::Passed => Outcome::Failed(format!("passes, but is listed as a failure: {}; take it off the list", entry.reason)),
            outcome => outcome,
        }
    }
}

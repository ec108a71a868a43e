//! Failures that are known, as data: a case that is listed and passes is a failure, so that the list cannot outlive its causes. What depends on
//! something that a device does not tell, such as a browser's processor, says so, and may pass.

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
    /// What decides whether it fails, where no device tells that.
    varies: Option<String>,
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
            let varies = fields.contains_key("varies");
            let mut take = |name: &str| match fields.remove(name) {
                Some(Value::String(text)) => Ok(text),
                found => Err(wrong(format!("`{name}` must be a text, found {found:?}"))),
            };
            let varies = varies.then(|| take("varies")).transpose()?;
            let entry = Entry {
                backend: take("backend")?,
                adapter: take("adapter")?,
                operator: take("operator")?,
                case: take("case")?,
                reason: take("reason")?,
                source: take("source")?,
                date: take("date")?,
                varies,
            };
            fields.keys().next().map_or(Ok(entry), |name| Err(wrong(format!("no field `{name}`"))))
        };
        list.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// The outcome in view of the list.
    pub(crate) fn judge(&self, backend: &str, adapter: &str, operator: &str, case: &str, outcome: Outcome) -> Outcome {
        let Some(entry) = self.entry(backend, adapter, operator, case) else { return outcome };
        match outcome {
            Outcome::Failed(_) => Outcome::Expected(format!("{} ({}, {})", entry.reason, entry.source, entry.date)),
            Outcome::Passed if entry.varies.is_none() => {
                Outcome::Failed(format!("passes, but is listed as a failure: {}; take it off the list", entry.reason))
            }
            outcome => outcome,
        }
    }

    /// Whether the list has a case that fails here and passes there, and no device tells where.
    pub(crate) fn varies(&self, backend: &str, adapter: &str, operator: &str, case: &str) -> bool {
        self.entry(backend, adapter, operator, case).is_some_and(|entry| entry.varies.is_some())
    }

    fn entry(&self, backend: &str, adapter: &str, operator: &str, case: &str) -> Option<&Entry> {
        let here = |entry: &&Entry| entry.backend == backend && adapter.contains(&entry.adapter);
        self.0.iter().filter(here).find(|entry| entry.operator == operator && entry.case == case)
    }
}

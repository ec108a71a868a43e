//! What a browser was measured to compute, as data: `browsers/<platform>.json`, which `cargo xtask web-test --record` writes. A run in the same
//! browser on the same adapter is held against it case by case, and the document's tables of browsers are made of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expected::Outcome;

/// A run of all cases in one browser.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The platform.
    pub(crate) backend: String,
    /// Browser and adapter, as they name themselves.
    pub(crate) adapter: String,
    pub(crate) date: String,
    pub(crate) cases: u64,
    /// By operator and case; what is not here passed.
    not_passed: BTreeMap<(String, String), Outcome>,
}

impl Measured {
    /// **Errors** a text that is no such record.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let text = |json: &Value, name: &str| {
            json[name].as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` must be a text, found {}", json[name]))
        };
        let mut not_passed = BTreeMap::new();
        for case in json["not_passed"].as_array().ok_or("`not_passed` must be a list")? {
            let outcome = outcome(&text(case, "outcome")?, text(case, "reason")?)?;
            not_passed.insert((text(case, "operator")?, text(case, "case")?), outcome);
        }
        Ok(Self {
            backend: text(&json, "backend")?,
            adapter: text(&json, "adapter")?,
            date: text(&json, "date")?,
            cases: json["cases"].as_u64().ok_or("`cases` must be a count")?,
            not_passed,
        })
    }

    /// What came of a case.
    pub(crate) fn outcome(&self, operator: &str, case: &str) -> Outcome {
        self.not_passed.get(&(operator.to_owned(), case.to_owned())).cloned().unwrap_or(Outcome::Passed)
    }

    /// The cases that are named, to hold them against those that there are.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.not_passed.keys().map(|(operator, case)| (operator.as_str(), case.as_str()))
    }

    /// How an outcome differs from the record's, if it does.
    pub(crate) fn drift(&self, operator: &str, case: &str, found: &Outcome) -> Option<String> {
        let recorded = self.outcome(operator, case);
        (recorded != *found).then(|| format!("{}, but the record of {} says: {}", words(found), self.date, words(&recorded)))
    }
}

fn outcome(name: &str, reason: String) -> Result<Outcome, String> {
    match name {
        "unsupported" => Ok(Outcome::Unsupported(reason)),
        "expected failure" => Ok(Outcome::Expected(reason)),
        "failed" => Ok(Outcome::Failed(reason)),
        other => Err(format!("`{other}` is no outcome of a case that did not pass")),
    }
}

fn words(outcome: &Outcome) -> String {
    entry(outcome).map_or_else(|| String::from("passed"), |(name, reason)| format!("{name}: {reason}"))
}

fn entry(outcome: &Outcome) -> Option<(&'static str, &String)> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed(reason) => Some(("failed", reason)),
        Outcome::Expected(reason) => Some(("expected failure", reason)),
        Outcome::Unsupported(reason) => Some(("unsupported", reason)),
    }
}

/// An entry of `not_passed`; none for a case that passed.
pub(crate) fn to_json(operator: &str, case: &str, outcome: &Outcome) -> Option<Value> {
    entry(outcome).map(|(name, reason)| json!({ "operator": operator, "case": case, "outcome": name, "reason": reason }))
}

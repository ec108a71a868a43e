//! What the sides of a case told, and the statistics of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Runs from which a 90th percentile is told: of fewer it would be the slowest under another name.
const ENOUGH: usize = 10;

/// What was told of one case.
#[derive(Debug, Default)]
pub(crate) struct Measurement {
    /// What the place tells of itself: browser, agent, adapter.
    pub(crate) place: BTreeMap<&'static str, String>,
    /// Ours first, in the order in which they started.
    pub(crate) sides: Vec<Side>,
    /// Why there are none.
    pub(crate) skipped: Option<String>,
    /// What failed outside of any side.
    pub(crate) failed: Option<String>,
}

/// One engine.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) engine: String,
    /// The object of its `start`.
    pub(crate) start: Value,
    /// Milliseconds of its warm runs, in order.
    pub(crate) times: Vec<f64>,
    pub(crate) skipped: Option<String>,
    pub(crate) failed: Option<String>,
}

impl Measurement {
    pub(crate) fn failed(reason: &str) -> Self {
        Self { failed: Some(reason.to_owned()), ..Self::default() }
    }

    pub(crate) fn skipped(reason: &str) -> Self {
        Self { skipped: Some(reason.to_owned()), ..Self::default() }
    }

    /// The side of this name.
    pub(crate) fn side(&mut self, engine: &str) -> &mut Side {
        if let Some(index) = self.sides.iter().position(|side| side.engine == engine) {
            return &mut self.sides[index];
        }
        self.sides.push(Side { engine: engine.to_owned(), ..Side::default() });
        let last = self.sides.len() - 1;
        &mut self.sides[last]
    }

    /// Takes in an event of a side; true where it knew it.
    pub(crate) fn take(&mut self, engine: &str, event: &Value) -> bool {
        let reason = || event["reason"].as_str().unwrap_or("no reason was told").to_owned();
        match event["event"].as_str().unwrap_or_default() {
            "start" => self.side(engine).start = event.clone(),
            "run" => match event["ms"].as_f64() {
                Some(time) => self.side(engine).times.push(time),
                None => self.side(engine).failed = Some(format!("no time: {event}")),
            },
            "skipped" => self.side(engine).skipped = Some(reason()),
            "failed" => self.side(engine).failed = Some(reason()),
            _ => return false,
        }
        true
    }
}

impl Side {
    /// Statistics of the warm runs; none where there are none, or where the side failed.
    pub(crate) fn warm(&self) -> Option<Warm> {
        if self.failed.is_some() { None } else { Warm::of(&self.times) }
    }
}

/// Statistics of warm runs in milliseconds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Warm {
    pub(crate) runs: usize,
    pub(crate) p50_ms: f64,
    /// None of fewer than ten runs.
    pub(crate) p90_ms: Option<f64>,
    pub(crate) fastest_ms: f64,
}

impl Warm {
    fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let fastest_ms = *sorted.first()?;
        let p90_ms = (sorted.len() >= ENOUGH).then(|| percentile(&sorted, 90));
        Some(Self { runs: sorted.len(), p50_ms: percentile(&sorted, 50), p90_ms, fastest_ms })
    }
}

/// The smallest time that so many percent of the runs do not exceed (nearest rank).
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let times: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(Warm::of(&times), Some(Warm { runs: 20, p50_ms: 10.0, p90_ms: Some(18.0), fastest_ms: 1.0 }));
        assert_eq!(Warm::of(&[3.0, 1.0, 2.0]), Some(Warm { runs: 3, p50_ms: 2.0, p90_ms: None, fastest_ms: 1.0 }));
        assert_eq!(Warm::of(&[7.0]).map(|warm| warm.p50_ms), Some(7.0));
        assert_eq!(Warm::of(&[]), None);
    }

    #[test]
    fn a_side_that_failed_has_no_times() {
        let mut measurement = Measurement::default();
        assert!(measurement.take("a", &json!({ "event": "start", "cold": {} })));
        assert!(measurement.take("a", &json!({ "event": "run", "ms": 1.5 })));
        assert_eq!(measurement.side("a").warm().map(|warm| warm.runs), Some(1));
        assert!(measurement.take("a", &json!({ "event": "failed", "reason": "lost" })));
        assert_eq!(measurement.side("a").warm(), None);
        assert!(!measurement.take("a", &json!({ "event": "else" })));
        assert!(measurement.take("b", &json!({ "event": "run", "ms": null })));
        assert!(measurement.side("b").failed.is_some() && measurement.sides.len() == 2);
    }
}

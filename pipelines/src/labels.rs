//! The classes of a model, as config.json names them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::answers::{Label, sigmoid, softmax, top_k};
use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// HF's `problem_type`: how scores come from logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// The logits are the answer.
    Regression,
    /// One class of several: softmax.
    SingleLabelClassification,
    /// Each class on its own: sigmoid.
    MultiLabelClassification,
}

/// The classes of a model.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    names: BTreeMap<usize, String>,
    problem_type: Option<ProblemType>,
}

impl Labels {
    /// `id2label` and `problem_type` of config.json.
    ///
    /// **Errors** [`Error::ModelFile`] where they are not what HF writes.
    pub fn new(files: &ModelFiles) -> Result<Self> {
        #[derive(Deserialize, Default)]
        struct Config {
            id2label: Option<BTreeMap<usize, String>>,
            problem_type: Option<ProblemType>,
        }
        let config: Config = files.json("config.json")?.unwrap_or_default();
        Ok(Self { names: config.id2label.unwrap_or_default(), problem_type: config.problem_type })
    }

    /// Name of a class; `LABEL_n`, as HF calls it, where config.json has none.
    pub fn name(&self, class: usize) -> String {
        self.names.get(&class).cloned().unwrap_or_else(|| format!("LABEL_{class}"))
    }

    /// The first `count` classes of one row of logits, best first. As HF: sigmoid for one class or several independent ones, softmax for one
    /// of several, nothing for regression.
    pub fn rank(&self, logits: &[f32], count: usize) -> Vec<Label> {
        let scores = match self.problem_type {
            Some(ProblemType::Regression) => logits.to_vec(),
            Some(ProblemType::MultiLabelClassification) => logits.iter().copied().map(sigmoid).collect(),
            _ if logits.len() == 1 => logits.iter().copied().map(sigmoid).collect(),
            _ => softmax(logits),
        };
        top_k(&scores, count).into_iter().map(|class| Label { class, label: self.name(class), score: scores[class] }).collect()
    }
}

/// **Errors** [`Error::Input`] where the model's numbers are none: every score of the answer would be a guess.
pub(crate) fn finite(index: usize, logits: &[f32]) -> Result<()> {
    if logits.iter().any(|number| number.is_nan()) {
        return Err(Error::Input {
            index,
            reason: "the model gave numbers that are none (NaN); its weights or the device are at fault".into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(config: &str) -> Labels {
        Labels::new(&ModelFiles::from_bytes([("config.json".to_owned(), config.as_bytes().to_vec())])).unwrap()
    }

    #[test]
    fn scores_follow_the_problem_type() {
        let logits = [0.0, (3.0f32).ln()];
        let score = |config: &str| labels(config).rank(&logits, 1)[0].clone();
        let softmax = score(r#"{"id2label": {"0": "no", "1": "yes"}}"#);
        assert_eq!((softmax.class, softmax.label.as_str()), (1, "yes"));
        assert!((softmax.score - 0.75).abs() < 1e-6);
        assert!((score(r#"{"problem_type": "multi_label_classification"}"#).score - 0.75).abs() < 1e-6);
        let regression = score(r#"{"problem_type": "regression"}"#);
        assert_eq!((regression.score, regression.label.as_str()), (logits[1], "LABEL_1"));
        assert_eq!(labels("{}").rank(&[0.0], 5)[0].score, 0.5);
        assert_eq!(labels(r#"{"problem_type": "multi_label_classification"}"#).rank(&[0.0, 0.0], 9)[1].score, 0.5);
    }

    #[test]
    fn a_problem_type_unknown_is_an_error() {
        let files = ModelFiles::from_bytes([("config.json".to_owned(), br#"{"problem_type": "guess"}"#.to_vec())]);
        assert!(Labels::new(&files).unwrap_err().to_string().contains("single_label_classification"));
    }
}

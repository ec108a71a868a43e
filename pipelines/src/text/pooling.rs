//! From a vector for each token to one for the whole text, as sentence-transformers does it.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// How the vectors of a text become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// That of the first token.
    Cls,
    /// Their mean.
    #[default]
    Mean,
    /// The largest number of each place.
    Max,
    /// Their sum over the square root of their number.
    MeanSqrtLen,
    /// Their mean, each weighted by its place, from 1.
    WeightedMean,
    /// That of the last token.
    Last,
}

impl Pooling {
    /// Name, the older key that switches it on, mode; in the order in which modes are put one after the other.
    const NAMES: [(&str, &str, Self); 6] = [
        ("cls", "pooling_mode_cls_token", Self::Cls),
        ("max", "pooling_mode_max_tokens", Self::Max),
        ("mean", "pooling_mode_mean_tokens", Self::Mean),
        ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Self::MeanSqrtLen),
        ("weightedmean", "pooling_mode_weightedmean_tokens", Self::WeightedMean),
        ("lasttoken", "pooling_mode_lasttoken", Self::Last),
    ];

    /// The mode of a name as sentence-transformers writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, ..)| *known == name).map(|(.., pooling)| *pooling)
    }

    /// What modules.json and the pooling stage's config.json say, and whether the result is normalized; mean and normalized where the
    /// folder has no modules.json.
    ///
    /// **Errors** [`Error::ModelFile`] for a stage or a mode that this crate does not compute.
    pub(super) fn read(files: &ModelFiles) -> Result<(Vec<Self>, bool)> {
        let modules = files.modules()?;
        if modules.is_empty() {
            return Ok((vec![Self::default()], true));
        }
        let (mut pooling, mut normalize) = (None, false);
        for module in &modules {
            match module.class.rsplit('.').next().unwrap_or_default() {
                "Transformer" if module.path.is_empty() => {}
                "Pooling" => {
                    let file = format!("{}/config.json", module.path);
                    let why = "modules.json names it as the pooling stage".to_owned();
                    files.get(&file).ok_or_else(|| Error::MissingFile { file: file.clone(), why })?;
                    pooling = Some(Self::modes(&file, &files.object(&file)?)?);
                }
                "Normalize" => normalize = true,
                other => {
                    let reason = format!(
                        "the stage `{other}` in `{}` is not computed here; stages: Transformer in ``, Pooling, Normalize",
                        module.path
                    );
                    return Err(Error::ModelFile { file: "modules.json".into(), reason });
                }
            }
        }
        let none = || Error::ModelFile { file: "modules.json".into(), reason: "expected a Pooling stage".into() };
        Ok((pooling.ok_or_else(none)?, normalize))
    }

    fn modes(file: &str, config: &Map<String, Value>) -> Result<Vec<Self>> {
        let names: Vec<&str> = match config.get("pooling_mode") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().map(|name| name.as_str().unwrap_or_default()).collect(),
            _ => {
                let on = |key: &str| config.get(key).and_then(Value::as_bool) == Some(true);
                let names: Vec<_> = Self::NAMES.iter().filter(|(_, key, _)| on(key)).map(|(name, ..)| *name).collect();
                if names.is_empty() { vec!["mean"] } else { names }
            }
        };
        let mode = |name: &str| {
            let known = Self::NAMES.map(|(name, ..)| name).join(", ");
            let reason = format!("`pooling_mode` is `{name}`; expected one of {known}, or a list of them");
            Self::from_name(name).ok_or_else(|| Error::ModelFile { file: file.to_owned(), reason })
        };
        if names.is_empty() { mode("").map(|mode| vec![mode]) } else { names.into_iter().map(mode).collect() }
    }

    /// One vector of `width` numbers from those of all tokens, one after the other.
    pub(super) fn apply(self, vectors: &[f32], width: usize) -> Vec<f32> {
        let count = vectors.len() / width;
        let sum = |weight: &dyn Fn(usize) -> f32, by: f32| -> Vec<f32> {
            let mut sum = vec![0.0f32; width];
            for (token, vector) in vectors.chunks_exact(width).enumerate() {
                for (sum, number) in sum.iter_mut().zip(vector) {
                    *sum += weight(token) * number;
                }
            }
            sum.iter_mut().for_each(|number| *number /= by);
            sum
        };
        match self {
            Self::Cls => vectors[..width].to_vec(),
            Self::Last => vectors[vectors.len() - width..].to_vec(),
            Self::Mean => sum(&|_| 1.0, count as f32),
            Self::MeanSqrtLen => sum(&|_| 1.0, (count as f32).sqrt()),
            Self::WeightedMean => sum(&|token| (token + 1) as f32, (count * (count + 1) / 2) as f32),
            Self::Max => vectors
                .chunks_exact(width)
                .fold(vec![f32::NEG_INFINITY; width], |largest, vector| largest.iter().zip(vector).map(|(a, b)| a.max(*b)).collect()),
        }
    }
}

/// Scales a vector to length 1; one of zeros stays as it is.
pub(super) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_what_its_name_says() {
        let vectors = [1.0, 10.0, 3.0, -20.0, 5.0, 40.0, 7.0, 10.0];
        let pool = |pooling: Pooling| pooling.apply(&vectors, 2);
        assert_eq!(pool(Pooling::Cls), [1.0, 10.0]);
        assert_eq!(pool(Pooling::Last), [7.0, 10.0]);
        assert_eq!(pool(Pooling::Mean), [4.0, 10.0]);
        assert_eq!(pool(Pooling::Max), [7.0, 40.0]);
        assert_eq!(pool(Pooling::MeanSqrtLen), [8.0, 20.0]);
        assert_eq!(pool(Pooling::WeightedMean), [5.0, 13.0]);
    }

    #[test]
    fn stages_that_are_not_computed_are_refused() {
        let read = |modules: &str, pooling: &str| {
            let files = [("modules.json", modules), ("1_Pooling/config.json", pooling)];
            Pooling::read(&ModelFiles::from_bytes(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))))
        };
        let stages = |last: &str| {
            let stage = |path: &str, class: &str| format!(r#"{{"path": "{path}", "type": "sentence_transformers.models.{class}"}}"#);
            format!("[{}, {}, {}]", stage("", "Transformer"), stage("1_Pooling", "Pooling"), stage("2", last))
        };
        let mean = r#"{"word_embedding_dimension": 4, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        assert_eq!(read(&stages("Normalize"), mean).unwrap(), (vec![Pooling::Mean], true));
        assert_eq!(
            read(&stages("Pooling"), r#"{"pooling_mode": "cls"}"#).unwrap_err().to_string(),
            "`2/config.json` is missing among the model's files; modules.json names it as the pooling stage"
        );
        assert!(read(&stages("Dense"), mean).unwrap_err().to_string().contains("`Dense`"));
        assert!(read(&stages("Normalize"), r#"{"pooling_mode": "sum"}"#).unwrap_err().to_string().contains("expected one of"));
        assert!(read(&stages("Normalize"), r#"{"pooling_mode": []}"#).is_err());
        let both = r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#;
        assert_eq!(read(&stages("Normalize"), both).unwrap().0, [Pooling::Cls, Pooling::Max]);
        assert_eq!(Pooling::read(&ModelFiles::default()).unwrap(), (vec![Pooling::Mean], true));
    }
}

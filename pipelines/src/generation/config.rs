//! generation_config.json.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::rules::Rule;
use super::search::EarlyStopping;
use crate::error::{Error, Result};
use crate::files::ModelFiles;

const FILE: &str = "generation_config.json";

/// The keys that this crate follows; those that generation_config.json lacks are looked for in config.json, where older models have them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// The first token.
    pub decoder_start_token_id: Option<u32>,
    /// The tokens that end a text: one or several.
    #[serde(deserialize_with = "one_or_many")]
    pub eos_token_id: Vec<u32>,
    /// Most tokens, the prompt included.
    pub max_length: Option<usize>,
    /// Texts that are followed at once.
    pub num_beams: Option<usize>,
    /// Power of a text's length that its score is divided by.
    pub length_penalty: Option<f32>,
    /// When a search for several texts ends.
    pub early_stopping: Option<EarlyStopping>,
    /// Tokens never to write.
    pub suppress_tokens: Option<Vec<i64>>,
    /// Tokens not to begin with.
    pub begin_suppress_tokens: Option<Vec<i64>>,
    /// Places and tokens of the prompt, as older models have them.
    pub forced_decoder_ids: Option<Vec<(usize, Option<u32>)>>,
    /// Whether there are several languages.
    pub is_multilingual: Option<bool>,
    /// `<|en|>` and its kin.
    pub lang_to_id: BTreeMap<String, u32>,
    /// `transcribe` and `translate`.
    pub task_to_id: BTreeMap<String, u32>,
    /// The task where the caller names none.
    pub task: Option<String>,
    /// The language where the caller names none.
    pub language: Option<String>,
    /// The token before the first timestamp.
    pub no_timestamps_token_id: Option<u32>,
    /// Latest timestamp that a text may begin with.
    pub max_initial_timestamp_index: Option<usize>,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Ids::deserialize(deserializer)? {
        Ids::One(id) => vec![id],
        Ids::Many(ids) => ids,
    })
}

impl GenerationConfig {
    /// As the files of the model say.
    ///
    /// **Errors** [`Error::ModelFile`].
    pub fn new(files: &ModelFiles) -> Result<Self> {
        let mut keys = files.object("config.json")?;
        keys.extend(files.object(FILE)?.into_iter().filter(|(_, value)| !value.is_null()));
        keys.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(keys)).map_err(|error| Error::ModelFile { file: FILE.into(), reason: error.to_string() })
    }

    /// The tokens never to write, and those not to begin with.
    pub fn rules(&self) -> Vec<Rule> {
        let ids = |tokens: &[i64]| tokens.iter().filter_map(|&token| u32::try_from(token).ok()).collect();
        let suppressed = self.suppress_tokens.as_deref().map(|tokens| Rule::Suppress(ids(tokens)));
        suppressed.into_iter().chain(self.begin_suppress_tokens.as_deref().map(|tokens| Rule::SuppressAtBegin(ids(tokens)))).collect()
    }

    /// Numbers of languages as people write them: `en`, or the token itself.
    ///
    /// **Errors** [`Error::ModelFile`] naming those there are.
    pub fn language_id(&self, language: &str) -> Result<u32> {
        let found = self.lang_to_id.get(language).or_else(|| self.lang_to_id.get(&format!("<|{}|>", language.to_lowercase())));
        let known = || self.lang_to_id.keys().map(|name| name.trim_matches(['<', '|', '>'])).collect::<Vec<_>>().join(", ");
        found.copied().ok_or_else(|| wrong(format!("there is no language `{language}`; languages: {}", known())))
    }

    /// The prompt of a text: start, language and task, or what the config forces; `<|notimestamps|>` last, where no times are wanted.
    ///
    /// **Errors** [`Error::ModelFile`] for a language or a task that the model does not have, and a prompt with gaps.
    pub fn prompt(&self, language: Option<u32>, task: Option<&str>, timestamps: bool) -> Result<Vec<u32>> {
        let start = self.decoder_start_token_id.ok_or_else(|| wrong("expected `decoder_start_token_id`".into()))?;
        let mut prompt: Vec<Option<u32>> = vec![Some(start)];
        if let (None, None, Some(forced)) = (language, task, &self.forced_decoder_ids) {
            for (index, (place, token)) in forced.iter().enumerate() {
                if *place != index + 1 {
                    return Err(wrong(format!("`forced_decoder_ids` has {place} at entry {index}; expected {}", index + 1)));
                }
                prompt.push(*token);
            }
        }
        if let Some(language) = language {
            prompt.push(Some(language));
        }
        let tasks = &self.task_to_id;
        if let Some(task) = task.or(self.task.as_deref()).or(language.and(Some("transcribe")).filter(|_| !tasks.is_empty())) {
            let known = || tasks.keys().cloned().collect::<Vec<_>>().join(", ");
            let id = tasks.get(task).ok_or_else(|| wrong(format!("there is no task `{task}`; tasks: {}", known())))?;
            prompt.retain(|token| !tasks.values().any(|task| *token == Some(*task)));
            prompt.push(Some(*id));
        }
        prompt.retain(|token| token.is_none() || *token != self.no_timestamps_token_id);
        if !timestamps {
            prompt.push(self.no_timestamps_token_id);
        }
        Ok(prompt.into_iter().flatten().collect())
    }
}

fn wrong(reason: String) -> Error {
    Error::ModelFile { file: FILE.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(generation: &str, model: &str) -> Result<GenerationConfig> {
        let files = [("generation_config.json", generation), ("config.json", model)];
        GenerationConfig::new(&ModelFiles::from_bytes(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))))
    }

    #[test]
    fn keys_of_older_models_are_found_and_newer_ones_win() {
        let found = config(r#"{"eos_token_id": [1, 2], "max_length": null}"#, r#"{"eos_token_id": 7, "max_length": 448}"#).unwrap();
        assert_eq!((found.eos_token_id.as_slice(), found.max_length), (&[1, 2][..], Some(448)));
        assert!(config(r#"{"eos_token_id": "end"}"#, "{}").is_err());
        assert_eq!(config(r#"{"early_stopping": "never"}"#, "{}").unwrap().early_stopping, Some(EarlyStopping::Never));
        assert_eq!(config(r#"{"early_stopping": true}"#, "{}").unwrap().early_stopping, Some(EarlyStopping::AtOnce));
    }

    #[test]
    fn prompts_are_those_of_the_published_code() {
        let multilingual = r#"{"decoder_start_token_id": 50, "lang_to_id": {"<|en|>": 51, "<|fr|>": 52},
            "task_to_id": {"transcribe": 53, "translate": 54}, "no_timestamps_token_id": 55, "forced_decoder_ids": [[1, null], [2, 53]]}"#;
        let many = config(multilingual, "{}").unwrap();
        let french = many.language_id("fr").unwrap();
        assert_eq!((french, many.language_id("<|en|>").unwrap()), (52, 51));
        assert!(many.language_id("tlh").unwrap_err().to_string().contains("languages: en, fr"));
        assert_eq!(many.prompt(Some(french), None, false).unwrap(), [50, 52, 53, 55]);
        assert_eq!(many.prompt(Some(french), Some("translate"), true).unwrap(), [50, 52, 54]);
        assert_eq!(many.prompt(None, None, false).unwrap(), [50, 53, 55]);
        assert!(many.prompt(None, Some("sing"), true).unwrap_err().to_string().contains("tasks: transcribe, translate"));
        let english =
            config(r#"{"decoder_start_token_id": 50, "no_timestamps_token_id": 51, "forced_decoder_ids": [[1, 51]]}"#, "{}").unwrap();
        assert_eq!(english.prompt(None, None, false).unwrap(), [50, 51]);
        assert_eq!(english.prompt(None, None, true).unwrap(), [50]);
        assert!(config("{}", "{}").unwrap().prompt(None, None, true).is_err());
        assert!(
            config(r#"{"decoder_start_token_id": 1, "forced_decoder_ids": [[2, 5]]}"#, "{}").unwrap().prompt(None, None, true).is_err()
        );
    }
}

//! From sound to text.
//!
//! One window at a time, as HF's sequential long-form transcription: a window begins where the last segment of the one before it ended.
//! Left out: fallback to higher temperatures, conditioning on earlier text, times of words.

use std::collections::BTreeMap;
use std::fmt;

use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::session::SessionReport;
use serde::Serialize;

use crate::answers::top_k;
use crate::audio::{LogMel, Sound};
use crate::control::Control;
use crate::detokenizer::Detokenizer;
use crate::error::{Error, Result};
use crate::files::ModelFiles;
use crate::generation::{Decoder, GenerationConfig, GraphDecoder, Rule, Search, Timestamps, search};
use crate::load::require;

/// Seconds between two timestamps.
const TIME_PRECISION: f64 = 0.02;

/// HF's `automatic-speech-recognition` with Whisper.
pub struct SpeechRecognition {
    model: Box<dyn AnyModel>,
    /// The model's graphs, compiled for as many texts as were last followed at once.
    decoder: Option<GraphDecoder>,
    /// How sound becomes numbers.
    pub log_mel: LogMel,
    /// What generation_config.json says.
    pub config: GenerationConfig,
    /// What is asked for.
    pub options: SpeechOptions,
    tokenizer: Detokenizer,
}

/// What is asked of [`SpeechRecognition`].
#[derive(Clone, Debug, Default)]
pub struct SpeechOptions {
    /// The language, such as `en`; heard, where the model has several and none is named.
    pub language: Option<String>,
    /// `transcribe` or `translate`.
    pub task: Option<String>,
    /// Whether segments have times; sounds of more than one window always have.
    pub timestamps: bool,
    /// Texts followed at once; generation_config.json's, where absent.
    pub num_beams: Option<usize>,
    /// Most tokens of a window after the prompt.
    pub max_new_tokens: Option<usize>,
}

/// A part of the text with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// What was said.
    pub text: String,
    /// The tokens, times among them.
    pub tokens: Vec<u32>,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transcript {
    /// All of it.
    pub text: String,
    /// Its parts.
    pub segments: Vec<Segment>,
    /// The language's token, where there are several.
    pub language: Option<String>,
}

impl fmt::Debug for SpeechRecognition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechRecognition").field("head", &self.model.head().name).field("log_mel", &self.log_mel).finish()
    }
}

impl SpeechRecognition {
    /// HF's name of the task.
    pub const PIPELINE: &str = "automatic-speech-recognition";

    /// **Errors** [`Error::WrongHead`], and those of [`LogMel::new`], [`GenerationConfig::new`] and of tokenizer.json.
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        require(model.as_ref(), Self::PIPELINE, "logits")?;
        let tokenizer = Detokenizer::new(files)?;
        let (log_mel, config) = (LogMel::new(files)?, GenerationConfig::new(files)?);
        Ok(Self { model, decoder: None, log_mel, config, options: SpeechOptions::default(), tokenizer })
    }

    /// The model.
    pub fn model(&self) -> &dyn AnyModel {
        self.model.as_ref()
    }

    /// As [`Model::reload`](ipfs_accelerate_runtime::model::Model::reload).
    ///
    /// **Errors** no platform; the pipeline is then as it was.
    pub async fn reload(&mut self) -> Result<()> {
        self.model.reload().await?;
        self.decoder = None;
        Ok(())
    }

    /// What a token costs; none before a sound was heard.
    pub fn step_report(&self) -> Option<SessionReport> {
        self.decoder.as_ref().map(GraphDecoder::report)
    }

    /// The text of a sound of any length. `heard` sees the text of a window grow.
    ///
    /// **Errors** [`Error::Sound`], [`Error::Cancelled`], a language or a task that the model does not have, the model's.
    pub async fn run(&mut self, sound: &Sound, control: Control<'_>, heard: &mut dyn FnMut(&str)) -> Result<Transcript> {
        let features = self.log_mel.whole(sound)?.input_features;
        let beams = self.options.num_beams.or(self.config.num_beams).unwrap_or(1).max(1);
        let mut decoder = match self.decoder.take() {
            Some(compiled) if compiled.rows() == beams => compiled,
            _ => GraphDecoder::new(self.model.as_ref(), beams).await?,
        };
        let transcript = self.hear(&features, &mut decoder, control, heard).await;
        // A device that failed is not asked again.
        if matches!(transcript, Ok(_) | Err(Error::Cancelled)) {
            self.decoder = Some(decoder);
        }
        transcript
    }

    async fn hear(
        &self,
        features: &Tensor,
        decoder: &mut GraphDecoder,
        control: Control<'_>,
        heard: &mut dyn FnMut(&str),
    ) -> Result<Transcript> {
        let (bins, total) = (features.shape()[0], features.shape()[1]);
        let window = self.log_mel.window_frames();
        let long = total > window;
        let times = self.options.timestamps || long;
        let (mut seek, mut segments, mut language, mut text) = (0, Vec::new(), None, String::new());
        while seek < total {
            control.check().await?;
            let frames = window.min(total - seek);
            let mut numbers = vec![0.0f32; bins * window];
            for (target, source) in numbers.chunks_exact_mut(window).zip(features.as_slice::<f32>()?.chunks_exact(total)) {
                target[..frames].copy_from_slice(&source[seek..seek + frames]);
            }
            decoder.encode(&BTreeMap::from([("input_features".to_owned(), Tensor::from_slice(&[bins, window], &numbers)?)])).await?;
            if language.is_none() {
                language = self.language(decoder).await?;
            }
            let prompt = self.config.prompt(language, self.options.task.as_deref(), times)?;
            let setting = self.search(&prompt, decoder.rows(), times, decoder.capacity())?;
            let (tokenizer, before) = (&self.tokenizer, text.clone());
            let mut written = |tokens: &[u32]| {
                // A token may be half a letter: what does not decode yet is shown with the next one.
                if let Ok(words) = tokenizer.decode(&words_of(tokens, self.config.no_timestamps_token_id)) {
                    heard(&format!("{before}{words}"));
                }
            };
            let quiet = Control { progress: None, cancellation: control.cancellation };
            let mut tokens = search(decoder, &prompt, &setting, quiet, &mut written).await?.tokens;
            if tokens.last().is_some_and(|token| self.config.eos_token_id.contains(token)) {
                tokens.pop();
            }
            let offset = seek as f64 * self.log_mel.seconds_per_frame();
            let first_time = self.config.no_timestamps_token_id.filter(|_| times).map(|id| id + 1);
            let (parts, advance) = split(&tokens, first_time, frames, self.log_mel.seconds_per_frame());
            for part in parts {
                let words = self.tokenizer.decode(&words_of(&part.tokens, self.config.no_timestamps_token_id))?;
                text.push_str(&words);
                segments.push(Segment { start: offset + part.start, end: offset + part.end, text: words, tokens: part.tokens });
            }
            // A model that puts its last time at the beginning of the window would be asked the same for ever.
            seek += if advance == 0 { frames } else { advance };
            control.report(seek.min(total), total);
        }
        let name = |id: u32| self.config.lang_to_id.iter().find(|(_, known)| **known == id).map(|(name, _)| name.clone());
        Ok(Transcript { text, segments, language: language.and_then(name) })
    }

    /// The language asked for, or the likeliest after the first token.
    async fn language(&self, decoder: &mut GraphDecoder) -> Result<Option<u32>> {
        if let Some(language) = self.options.language.as_ref().or(self.config.language.as_ref()) {
            return self.config.language_id(language).map(Some);
        }
        let forced = self.config.forced_decoder_ids.as_ref().and_then(|forced| forced.first()).is_some_and(|(_, token)| token.is_some());
        let (Some(start), false, false) = (self.config.decoder_start_token_id, self.config.lang_to_id.is_empty(), forced) else {
            return Ok(None);
        };
        let scores = decoder.begin(&[start], decoder.rows()).await?;
        let ids: Vec<u32> = self.config.lang_to_id.values().copied().collect();
        let found: Vec<f32> = ids.iter().map(|&id| scores.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY)).collect();
        Ok(top_k(&found, 1).first().map(|&place| ids[place]))
    }

    fn search(&self, prompt: &[u32], num_beams: usize, times: bool, capacity: usize) -> Result<Search> {
        let mut rules = self.config.rules();
        let missing = |key: &str| Error::ModelFile { file: "generation_config.json".into(), reason: format!("expected `{key}`") };
        if times {
            rules.push(Rule::Timestamps(Timestamps {
                no_timestamps_token_id: self.config.no_timestamps_token_id.ok_or_else(|| missing("no_timestamps_token_id"))?,
                eos_token_id: self.config.eos_token_id.first().copied().ok_or_else(|| missing("eos_token_id"))?,
                max_initial_timestamp_index: self.config.max_initial_timestamp_index,
            }));
        }
        let most = self.options.max_new_tokens.map_or(usize::MAX, |most| most.saturating_add(prompt.len()));
        Ok(Search {
            num_beams,
            max_length: most.min(self.config.max_length.unwrap_or(capacity)).min(capacity),
            length_penalty: self.config.length_penalty.unwrap_or(1.0),
            early_stopping: self.config.early_stopping.unwrap_or_default(),
            eos_token_id: self.config.eos_token_id.clone(),
            rules,
        })
    }
}

/// Tokens without times, which a tokenizer may not know.
fn words_of(tokens: &[u32], no_timestamps: Option<u32>) -> Vec<u32> {
    tokens.iter().copied().filter(|token| no_timestamps.is_none_or(|first| *token <= first)).collect()
}

struct Part {
    start: f64,
    end: f64,
    tokens: Vec<u32>,
}

/// The segments of a window, and how many frames further the next one begins: HF's `_retrieve_segment`.
fn split(tokens: &[u32], first_time: Option<u32>, frames: usize, seconds_per_frame: f64) -> (Vec<Part>, usize) {
    let time = |token: u32| first_time.filter(|first| token >= *first).map(|first| token - first);
    let seconds = |position: u32| f64::from(position) * TIME_PRECISION;
    let is_time: Vec<bool> = tokens.iter().map(|&token| time(token).is_some()).collect();
    let single_ending = is_time.ends_with(&[false, true]);
    let mut ends: Vec<usize> = (1..tokens.len()).filter(|&place| is_time[place - 1] && is_time[place]).collect();
    if ends.is_empty() {
        let last = tokens.iter().rev().find_map(|&token| time(token)).filter(|position| *position != 0);
        let end = last.map_or(frames as f64 * seconds_per_frame, seconds);
        return (vec![Part { start: 0.0, end, tokens: tokens.to_vec() }], frames);
    }
    match ends.last_mut() {
        Some(_) if single_ending => ends.push(tokens.len()),
        Some(last) => *last += 1,
        None => {}
    }
    let (mut parts, mut begin) = (Vec::new(), 0);
    for (index, &end) in ends.iter().enumerate() {
        let slice = &tokens[begin..end];
        let back = if index + 1 < ends.len() || single_ending { 1 } else { 2 };
        let at = |place: usize| slice.get(place).and_then(|&token| time(token)).map_or(0.0, seconds);
        parts.push(Part { start: at(0), end: at(slice.len().saturating_sub(back)), tokens: slice.to_vec() });
        begin = end;
    }
    let advance = match time(tokens[begin.saturating_sub(2)]) {
        Some(position) if !single_ending => (seconds(position) / seconds_per_frame).round() as usize,
        _ => frames,
    };
    (parts, advance.min(frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times begin at 100; a frame is 0.01 seconds.
    fn of(tokens: &[u32]) -> (Vec<(f64, f64, usize)>, usize) {
        let (parts, advance) = split(tokens, Some(100), 300, 0.01);
        (parts.iter().map(|part| (part.start, part.end, part.tokens.len())).collect(), advance)
    }

    #[test]
    fn windows_are_split_as_the_published_code_splits_them() {
        // No time, one at the beginning, one at the end.
        assert_eq!(of(&[1, 2]), (vec![(0.0, 3.0, 2)], 300));
        assert_eq!(of(&[100, 1, 2]), (vec![(0.0, 3.0, 3)], 300));
        assert_eq!(of(&[100, 1, 150]), (vec![(0.0, 1.0, 3)], 300));
        // Two segments, of which the second ends with the window.
        assert_eq!(of(&[100, 1, 150, 150, 2, 200]), (vec![(0.0, 1.0, 3), (1.0, 2.0, 3)], 300));
        // The second does not end: it is heard again.
        assert_eq!(of(&[100, 1, 150, 150, 2]), (vec![(0.0, 1.0, 4)], 100));
        assert_eq!(of(&[]), (vec![(0.0, 3.0, 0)], 300));
    }
}

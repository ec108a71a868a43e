//! Greedy and beam search, step by step as HF's `GenerationMixin`.

use serde::{Deserialize, Deserializer, Serialize};

use super::rules::Rule;
use crate::answers::top_k;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::labels::finite;

/// What stands for minus infinity among sums of logarithms, as HF has it.
const OUT: f32 = -1.0e9;

/// What gives the scores of the next token. It keeps as many texts as the search has beams.
#[allow(async_fn_in_trait, reason = "a device belongs to one thread, and so does its decoder")]
pub trait Decoder {
    /// Starts anew with this prompt in `rows` texts, and gives the scores of the token after it.
    async fn begin(&mut self, prompt: &[u32], rows: usize) -> Result<Vec<f32>>;

    /// Text `i` goes on from what was text `origins[i]` with `tokens[i]`; the scores of the token after it, for each.
    async fn step(&mut self, origins: &[usize], tokens: &[u32]) -> Result<Vec<Vec<f32>>>;
}

/// When a beam search ends that has found as many texts as it has beams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum EarlyStopping {
    /// `false`: when no open text looks better at its present length.
    #[default]
    WhenUnlikely,
    /// `true`.
    AtOnce,
    /// `"never"`: when no open text can become better.
    Never,
}

impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Bool(false) => Ok(Self::WhenUnlikely),
            serde_json::Value::Bool(true) => Ok(Self::AtOnce),
            serde_json::Value::String(word) if word == "never" => Ok(Self::Never),
            other => Err(serde::de::Error::custom(format!("`early_stopping` is {other}; expected true, false or \"never\""))),
        }
    }
}

/// How a text is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Texts followed at once; 1 is greedy.
    pub num_beams: usize,
    /// Most tokens, the prompt included.
    pub max_length: usize,
    /// Power of a text's length that its score is divided by.
    pub length_penalty: f32,
    /// When it ends.
    pub early_stopping: EarlyStopping,
    /// The tokens that end a text.
    pub eos_token_id: Vec<u32>,
    /// Rules over scores.
    pub rules: Vec<Rule>,
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Its tokens after the prompt, the one that ends it included.
    pub tokens: Vec<u32>,
    /// Of a beam search: the sum of the logarithms of the tokens' probabilities, over the power of the length.
    pub score: Option<f32>,
}

/// Writes one text. `written` sees the answer after each token where it is greedy, and once where there are beams, which may change their mind.
///
/// **Errors** [`Error::Cancelled`]; a prompt that leaves no room; scores of another count; the decoder's.
pub async fn search(
    decoder: &mut impl Decoder,
    prompt: &[u32],
    search: &Search,
    control: Control<'_>,
    written: &mut dyn FnMut(&[u32]),
) -> Result<Generated> {
    if prompt.is_empty() || prompt.len() >= search.max_length {
        let reason = format!("a prompt of {} tokens leaves no room in {}", prompt.len(), search.max_length);
        return Err(Error::Input { index: 0, reason });
    }
    if search.num_beams <= 1 {
        greedy(decoder, prompt, search, control, written).await
    } else {
        beams(decoder, prompt, search, control, written).await
    }
}

fn ruled(search: &Search, text: &[u32], begin: usize, mut scores: Vec<f32>) -> Result<Vec<f32>> {
    finite(0, &scores)?;
    search.rules.iter().for_each(|rule| rule.apply(text, begin, &mut scores));
    Ok(scores)
}

async fn greedy(
    decoder: &mut impl Decoder,
    prompt: &[u32],
    search: &Search,
    control: Control<'_>,
    written: &mut dyn FnMut(&[u32]),
) -> Result<Generated> {
    let mut text = prompt.to_vec();
    let mut scores = decoder.begin(prompt, 1).await?;
    loop {
        control.check().await?;
        let best = top_k(&ruled(search, &text, prompt.len(), scores)?, 1).first().copied();
        let Some(token) = best.map(|token| token as u32) else { return Err(no_scores(0)) };
        text.push(token);
        written(&text[prompt.len()..]);
        control.report(text.len() - prompt.len(), search.max_length - prompt.len());
        if search.eos_token_id.contains(&token) || text.len() >= search.max_length {
            return Ok(Generated { tokens: text.split_off(prompt.len()), score: None });
        }
        scores = decoder.step(&[0], &[token]).await?.pop().ok_or_else(|| no_scores(0))?;
    }
}

fn no_scores(found: usize) -> Error {
    Error::Input { index: 0, reason: format!("the decoder gave scores of {found} texts") }
}

/// A text of a beam search and the sum of the logarithms of its tokens' probabilities.
#[derive(Clone)]
struct Beam {
    text: Vec<u32>,
    score: f32,
    /// The beam it went on from.
    origin: usize,
}

/// A text that ended, or a place for one.
#[derive(Clone)]
struct Finished {
    text: Vec<u32>,
    score: f32,
    ended: bool,
}

async fn beams(
    decoder: &mut impl Decoder,
    prompt: &[u32],
    search: &Search,
    control: Control<'_>,
    written: &mut dyn FnMut(&[u32]),
) -> Result<Generated> {
    let count = search.num_beams;
    let kept = (1 + search.eos_token_id.len()).max(2) * count;
    let first = decoder.begin(prompt, count).await?;
    let mut scores = vec![first; count];
    // All beams are the prompt: only the first is followed, or all would write the same.
    let beam = |index: usize| Beam { text: prompt.to_vec(), score: if index == 0 { 0.0 } else { OUT }, origin: index };
    let mut running: Vec<Beam> = (0..count).map(beam).collect();
    let mut finished = vec![Finished { text: prompt.to_vec(), score: OUT, ended: false }; count];
    let mut may_improve = true;
    loop {
        control.check().await?;
        let length = running[0].text.len();
        let power = |length: usize| (length as f32).powf(search.length_penalty);
        let mut sums = Vec::new();
        let vocabulary = scores[0].len();
        for (beam, scores) in running.iter().zip(&scores) {
            let row = ruled(search, &beam.text, prompt.len(), log_softmax(scores))?;
            sums.extend(row.into_iter().map(|score| score + beam.score));
        }
        let candidates: Vec<Beam> = top_k(&sums, kept)
            .into_iter()
            .map(|place| {
                let (origin, token) = (place / vocabulary, place % vocabulary);
                let text = [running[origin].text.as_slice(), &[token as u32]].concat();
                Beam { text, score: sums[place], origin }
            })
            .collect();
        let ends =
            |beam: &Beam| length + 1 >= search.max_length || beam.text.last().is_some_and(|token| search.eos_token_id.contains(token));
        // The best that have not ended go on.
        let open: Vec<f32> = candidates.iter().map(|beam| beam.score + if ends(beam) { OUT } else { 0.0 }).collect();
        running = top_k(&open, count).into_iter().map(|place| Beam { score: open[place], ..candidates[place].clone() }).collect();
        // Of those that ended only the first `count` are an answer; the rest were there so that enough go on.
        let full = finished.iter().all(|one| one.ended) && search.early_stopping == EarlyStopping::AtOnce;
        let mut merged = finished.clone();
        merged.extend(candidates.iter().enumerate().map(|(place, beam)| {
            let ended = ends(beam) && place < count;
            let mut score = beam.score / power(length + 1 - prompt.len());
            score += if full { OUT } else { 0.0 } + if may_improve { 0.0 } else { OUT } + if ended { 0.0 } else { OUT };
            Finished { text: beam.text.clone(), score, ended }
        }));
        let order: Vec<f32> = merged.iter().map(|one| one.score).collect();
        finished = top_k(&order, count).into_iter().map(|place| merged[place].clone()).collect();
        control.report(length + 1 - prompt.len(), search.max_length - prompt.len());

        let best_length = match search.early_stopping {
            EarlyStopping::Never if search.length_penalty > 0.0 => search.max_length - prompt.len(),
            _ => length + 1 - prompt.len(),
        };
        let best_open = running[0].score / power(best_length);
        let worst = finished.iter().map(|one| one.score).fold(f32::INFINITY, f32::min);
        may_improve &= finished.iter().any(|one| best_open > if one.ended { worst } else { OUT });
        let all_found = finished.iter().all(|one| one.ended) && search.early_stopping == EarlyStopping::AtOnce;
        if !may_improve || all_found || candidates.iter().all(ends) {
            break;
        }
        let origins: Vec<usize> = running.iter().map(|beam| beam.origin).collect();
        let tokens: Vec<u32> = running.iter().filter_map(|beam| beam.text.last().copied()).collect();
        scores = decoder.step(&origins, &tokens).await?;
        if scores.len() != count || scores.iter().any(|row| row.len() != vocabulary) {
            return Err(no_scores(scores.len()));
        }
    }
    let best = finished.swap_remove(0);
    let tokens = best.text[prompt.len()..].to_vec();
    written(&tokens);
    Ok(Generated { tokens, score: Some(best.score) })
}

fn log_softmax(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
    scores.iter().map(|score| (f64::from(score - largest) - sum.ln()) as f32).collect()
}

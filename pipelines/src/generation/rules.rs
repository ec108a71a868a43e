//! Rules over the scores of the next token: HF's logits processors.

const NEVER: f32 = f32::NEG_INFINITY;

/// One rule. Rules are applied in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// These tokens are never written.
    Suppress(Vec<u32>),
    /// These are not written first, which is when the text has as many tokens as the prompt.
    SuppressAtBegin(Vec<u32>),
    /// Whisper's rules for the times of its segments.
    Timestamps(Timestamps),
}

/// HF's WhisperTimeStampLogitsProcessor.
#[derive(Clone, Debug, PartialEq)]
pub struct Timestamps {
    /// `<|notimestamps|>`; the times follow it.
    pub no_timestamps_token_id: u32,
    /// The token that ends a text; those before it are words.
    pub eos_token_id: u32,
    /// Latest time that a text may begin with.
    pub max_initial_timestamp_index: Option<usize>,
}

impl Rule {
    /// Forbids tokens by a score of minus infinity. `text` is prompt and answer so far; the answer begins at `begin`.
    pub fn apply(&self, text: &[u32], begin: usize, scores: &mut [f32]) {
        match self {
            Self::Suppress(tokens) => forbid(tokens, scores),
            Self::SuppressAtBegin(tokens) if text.len() == begin => forbid(tokens, scores),
            Self::SuppressAtBegin(_) => {}
            Self::Timestamps(timestamps) => timestamps.apply(text, begin, scores),
        }
    }
}

fn forbid(tokens: &[u32], scores: &mut [f32]) {
    for &token in tokens {
        if let Some(score) = scores.get_mut(token as usize) {
            *score = NEVER;
        }
    }
}

impl Timestamps {
    /// The first token that is a time.
    pub fn first(&self) -> u32 {
        self.no_timestamps_token_id + 1
    }

    fn apply(&self, text: &[u32], begin: usize, scores: &mut [f32]) {
        let first = (self.first() as usize).min(scores.len());
        forbid(&[self.no_timestamps_token_id], scores);
        let written = text.get(begin..).unwrap_or_default();
        let is_time = |token: &u32| *token >= self.first();
        let last_was = written.last().is_some_and(is_time);
        let one_before_was = written.len() < 2 || is_time(&written[written.len() - 2]);
        if last_was && one_before_was {
            // Times come in pairs: the end of one segment and the beginning of the next.
            scores[first..].fill(NEVER);
        } else if last_was {
            scores[..(self.eos_token_id as usize).min(first)].fill(NEVER);
        }
        // Time does not run backwards; and a segment is not empty.
        if let Some(&last) = written.iter().rev().find(|token| is_time(token)) {
            let from = if last_was && !one_before_was { last } else { last + 1 };
            let end = (from as usize).min(scores.len());
            scores[first..end.max(first)].fill(NEVER);
        }
        if text.len() == begin {
            scores[..first].fill(NEVER);
            if let Some(most) = self.max_initial_timestamp_index {
                let end = (first + most + 1).min(scores.len());
                scores[end..].fill(NEVER);
            }
        }
        // Where all times together are likelier than the likeliest word, it is a time.
        let largest = scores.iter().copied().fold(NEVER, f32::max);
        let times: f64 = scores[first..].iter().map(|score| f64::from(score - largest).exp()).sum();
        let word = scores[..first].iter().copied().fold(NEVER, f32::max);
        if times.ln() > f64::from(word - largest) {
            scores[..first].fill(NEVER);
        }
    }
}

//! The class of each token, and groups of them: names of people, places.

use std::ops::Range;

use ipfs_accelerate_runtime::registry::AnyModel;
use serde::Serialize;

use super::{Text, TextModel};
use crate::answers::{softmax, top_k};
use crate::control::Control;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::labels::{Labels, finite};

/// Whether neighbours of one class become one entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Each token stands for itself.
    None,
    /// Tokens of one class that follow each other are one entity; `B-` begins a new one.
    #[default]
    Simple,
}

/// HF's `token-classification`, with `aggregation_strategy` none or simple.
#[derive(Debug)]
pub struct TokenClassification {
    /// The model with its tokenizer.
    pub text: TextModel,
    /// Names of the classes.
    pub labels: Labels,
    /// Whether neighbours become one.
    pub aggregation: Aggregation,
    /// Classes that are no answer.
    pub ignored: Vec<String>,
}

/// One token, or several, and their class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// The class; without `B-` and `I-` where tokens are grouped.
    pub entity: String,
    /// Probability of the class; the mean over the tokens of a group.
    pub score: f32,
    /// The tokens as text.
    pub word: String,
    /// Where it stands: bytes of the text.
    pub span: Range<usize>,
}

impl TokenClassification {
    /// HF's name of the task.
    pub const PIPELINE: &str = "token-classification";

    /// **Errors** [`Error::WrongHead`](crate::Error::WrongHead), and those of [`Labels::new`] and
    /// [`TextEncoder::new`](super::TextEncoder::new).
    pub fn new(model: Box<dyn AnyModel>, files: &ModelFiles) -> Result<Self> {
        let text = TextModel::new(model, files, Self::PIPELINE, "logits")?;
        Ok(Self { text, labels: Labels::new(files)?, aggregation: Aggregation::default(), ignored: vec!["O".into()] })
    }

    /// The entities of every text, in order.
    ///
    /// **Errors** [`Error::Input`](crate::Error::Input), [`Error::Cancelled`](crate::Error::Cancelled), the model's.
    pub async fn run(&mut self, texts: &[Text], control: Control<'_>) -> Result<Vec<Vec<Entity>>> {
        let mut answers: Vec<Vec<Entity>> = vec![Vec::new(); texts.len()];
        let (labels, aggregation, ignored) = (&self.labels, self.aggregation, &self.ignored);
        let unknown = self.text.encoder.special_token("unk_token")?.map(|(id, _)| id);
        let take = |encoder: &super::TextEncoder, answer: super::batches::Answer<'_>| {
            let encoded = answer.encoded;
            let (logits, classes) = answer.tokens("logits")?;
            finite(answer.index, logits)?;
            let mut tokens: Vec<Entity> = Vec::new();
            for (place, row) in logits.chunks_exact(classes).enumerate().filter(|(place, _)| !encoded.is_special(*place)) {
                let scores = softmax(row);
                let class = top_k(&scores, 1)[0];
                // What the vocabulary lacks is shown as it was written.
                let written = match &texts[answer.index] {
                    Text::One(text) if Some(encoded.ids()[place]) == unknown => text.get(encoded.span(place)),
                    _ => None,
                };
                let word = written.unwrap_or(&encoded.tokens()[place]).to_owned();
                tokens.push(Entity { entity: labels.name(class), score: scores[class], word, span: encoded.span(place) });
            }
            let entities = match aggregation {
                Aggregation::None => tokens,
                Aggregation::Simple => {
                    let joins = |a: &Entity, b: &Entity| tag(&a.entity).1 == tag(&b.entity).1 && tag(&b.entity).0 != "B";
                    tokens.chunk_by(joins).map(|group| join(group, encoder)).collect::<Result<_>>()?
                }
            };
            answers[answer.index] = entities.into_iter().filter(|entity| !ignored.contains(&entity.entity)).collect();
            Ok(())
        };
        self.text.each(texts, control, take).await?;
        Ok(answers)
    }
}

/// `B-PER` is the beginning of `PER`; a class without a mark goes on.
fn tag(class: &str) -> (&str, &str) {
    match class.split_once('-') {
        Some((mark @ ("B" | "I"), tag)) => (mark, tag),
        _ => ("I", class),
    }
}

fn join(group: &[Entity], encoder: &super::TextEncoder) -> Result<Entity> {
    let class = &group[0].entity;
    Ok(Entity {
        entity: class.split_once('-').map_or(class.as_str(), |(_, tag)| tag).to_owned(),
        score: (group.iter().map(|token| f64::from(token.score)).sum::<f64>() / group.len() as f64) as f32,
        word: encoder.join(group.iter().map(|token| token.word.clone()).collect())?,
        span: group[0].span.start..group[group.len() - 1].span.end,
    })
}

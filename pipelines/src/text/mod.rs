//! Text: the model's own tokenizer.json, and pipelines over it.
//!
//! Texts are truncated to what the model takes and say so in their answer. Within a run they are sorted by length, so that a batch holds
//! little padding; answers come in the order of the texts.

mod batches;
mod encoder;
mod features;
mod fill_mask;
mod pooling;
mod sentence_embedding;
mod text_classification;
mod token_classification;

pub use batches::{BatchOptions, TextModel};
pub use encoder::{Encoded, Text, TextEncoder};
pub use features::{FeatureExtraction, TokenFeatures};
pub use fill_mask::{FillMask, FilledMask};
pub use pooling::Pooling;
pub use sentence_embedding::{Embedding, SentenceEmbedding};
pub use text_classification::{ClassifiedText, TextClassification};
pub use token_classification::{Aggregation, Entity, TokenClassification};

//! What stands around a model: text, pictures and sound go in, typed answers come out.
//!
//! A *pipeline* owns a loaded model and the files published beside its weights ([`ModelFiles`]). It prepares inputs as the published
//! preprocessing does, runs batches, and turns tensors into answers. Nothing here opens a device or the network, so the same calls serve
//! native programs and browsers:
//!
//! ```no_run
//! # #[cfg(feature = "text")]
//! # async fn example() -> ipfs_accelerate_pipelines::Result<()> {
//! use ipfs_accelerate_pipelines::text::{SentenceEmbedding, Text};
//! use ipfs_accelerate_pipelines::{Control, LoadOptions, ModelFiles, load};
//! use ipfs_accelerate_runtime::weights::Checkpoint;
//!
//! let model = load(ipfs_accelerate_skills::SKILLS, &Checkpoint::open("all-MiniLM-L6-v2")?, SentenceEmbedding::PIPELINE, &LoadOptions::default()).await?;
//! let mut pipeline = SentenceEmbedding::new(model, &ModelFiles::open("all-MiniLM-L6-v2")?)?;
//! let embeddings = pipeline.run(&[Text::from("A sentence."), Text::from("Another one.")], Control::default()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Features: `text`, `vision`, `audio`, none by default, so that a program links only what it uses; `vision-decode` and `audio-decode` read files
//! of pictures and sounds too.
//! Left out: training, generation by other rules than greedy and beam search, anything that fetches.

#![forbid(unsafe_code)]
// What a part alone would use is no dead code: every part is linked by the command.
#![cfg_attr(not(all(feature = "text", feature = "vision", feature = "audio")), allow(dead_code))]

mod answers;
#[cfg(feature = "audio")]
pub mod audio;
mod control;
#[cfg(feature = "audio")]
mod detokenizer;
mod error;
mod files;
pub mod generation;
mod labels;
mod load;
#[cfg(feature = "audio")]
mod speech_recognition;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "vision")]
pub mod vision;

pub use answers::{Label, softmax, top_k};
pub use control::{Cancellation, Control, Progress};
pub use error::{Error, Result};
pub use files::ModelFiles;
pub use ipfs_accelerate_runtime::model::LoadOptions;
pub use labels::{Labels, ProblemType};
pub use load::load;
#[cfg(feature = "audio")]
pub use speech_recognition::{Segment, SpeechOptions, SpeechRecognition, Transcript};

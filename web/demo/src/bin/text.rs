//! Nearest sentences: the pipeline of sentence embeddings.
//!
//! ```js
//! const demo = await Demo.load({ 'config.json': bytes, 'tokenizer.json': bytes, 'model.safetensors': bytes }, ['webnn', 'webgpu', 'cpu']);
//! JSON.parse(demo.report());                                     // where it computes, and why not elsewhere
//! JSON.parse(await demo.learn(['A sentence.', 'Another one.'])); // {ms, tokens}
//! JSON.parse(await demo.nearest('A third one.'));                // {ms, tokens, truncated, nearest: [{text, cosine}]}
//! ```

use ipfs_accelerate_pipelines::Control;
use ipfs_accelerate_pipelines::text::{Embedding, SentenceEmbedding, Text};
use ipfs_accelerate_runtime::registry::Entry;
use ipfs_accelerate_skills::bert;
use ipfs_accelerate_web_demo::{open, report, words};
use js_sys::Object;
use serde_json::json;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_time::Instant;

/// The families that the tab serves; each adds to its size.
const FAMILIES: &[Entry] = &[Entry::of::<bert::Skillset>()];

/// A model with the sentences that it knows.
#[wasm_bindgen]
pub struct Demo {
    pipeline: SentenceEmbedding,
    known: Vec<(String, Embedding)>,
}

#[wasm_bindgen]
impl Demo {
    /// **Errors** those of [`open`] and [`SentenceEmbedding::new`].
    pub async fn load(files: Object, platforms: Vec<String>) -> Result<Demo, JsValue> {
        let (model, files) = open(FAMILIES, SentenceEmbedding::PIPELINE, &files, &platforms).await?;
        Ok(Self { pipeline: SentenceEmbedding::new(model, &files).map_err(words)?, known: Vec::new() })
    }

    /// What was found out while loading, as JSON.
    pub fn report(&self) -> String {
        report(self.pipeline.text.model.as_ref())
    }

    /// Learns sentences, in place of those it knew.
    ///
    /// **Errors** as text: the model's.
    pub async fn learn(&mut self, sentences: Vec<String>) -> Result<String, JsValue> {
        let started = Instant::now();
        let texts: Vec<Text> = sentences.iter().map(|sentence| Text::from(sentence.as_str())).collect();
        let embeddings = self.pipeline.run(&texts, Control::default()).await.map_err(words)?;
        let tokens: usize = embeddings.iter().map(|embedding| embedding.tokens).sum();
        self.known = sentences.into_iter().zip(embeddings).collect();
        Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3, "tokens": tokens }).to_string())
    }

    /// The known sentences, nearest first.
    ///
    /// **Errors** as text: the model's.
    pub async fn nearest(&mut self, sentence: String) -> Result<String, JsValue> {
        let started = Instant::now();
        let embeddings = self.pipeline.run(&[Text::from(sentence)], Control::default()).await.map_err(words)?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        let Some(own) = embeddings.first() else { return Err(words("nothing was computed")) };
        let mut nearest: Vec<(&str, f32)> = self.known.iter().map(|(text, known)| (text.as_str(), own.cosine(known))).collect();
        nearest.sort_by(|a, b| b.1.total_cmp(&a.1));
        let nearest: Vec<_> = nearest.into_iter().map(|(text, cosine)| json!({ "text": text, "cosine": cosine })).collect();
        Ok(json!({ "ms": ms, "tokens": own.tokens, "truncated": own.truncated, "nearest": nearest }).to_string())
    }
}

fn main() {}

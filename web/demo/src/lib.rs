//! Nearest sentences in a browser: the pipeline of sentence embeddings behind three calls.
//!
//! ```js
//! const demo = await Demo.load({ 'config.json': bytes, 'tokenizer.json': bytes, 'model.safetensors': bytes }, ['webnn', 'webgpu', 'cpu']);
//! JSON.parse(demo.report());                                     // where it computes, and why not elsewhere
//! JSON.parse(await demo.learn(['A sentence.', 'Another one.'])); // {ms, tokens}
//! JSON.parse(await demo.nearest('A third one.'));                // {ms, tokens, truncated, nearest: [{text, cosine}]}
//! ```

use ipfs_accelerate_pipelines::text::{Embedding, SentenceEmbedding, Text};
use ipfs_accelerate_pipelines::{Control, LoadOptions, ModelFiles, load};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::registry::Entry;
use ipfs_accelerate_runtime::weights::Checkpoint;
use ipfs_accelerate_skills::bert;
use js_sys::{Array, Object, Uint8Array};
use serde_json::json;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_time::Instant;

/// The families that the page serves; each adds to its size.
const FAMILIES: &[Entry] = &[Entry::of::<bert::Skillset>()];

/// A model with the sentences that it knows.
#[wasm_bindgen]
pub struct Demo {
    pipeline: SentenceEmbedding,
    known: Vec<(String, Embedding)>,
}

#[wasm_bindgen]
impl Demo {
    /// Loads the files of a model's folder, by their names there. Platforms that are not named are not used.
    ///
    /// **Errors** as text: a file that is missing, a checkpoint that does not fit, every platform with the reason why it does not serve.
    pub async fn load(files: Object, platforms: Vec<String>) -> Result<Demo, JsValue> {
        let (mut small, mut weights, mut config) = (Vec::new(), Vec::new(), None);
        for entry in Object::entries(&files).iter() {
            let entry = Array::from(&entry);
            let (name, bytes) = (entry.get(0).as_string().unwrap_or_default(), Uint8Array::new(&entry.get(1)).to_vec());
            if name.ends_with(".safetensors") {
                weights.push((name, bytes));
                continue;
            }
            if name == "config.json" {
                config = Some(String::from_utf8(bytes.clone()).map_err(|error| words(format!("config.json: {error}")))?);
            }
            small.push((name, bytes));
        }
        let config = config.ok_or_else(|| words("config.json is missing: choose the whole folder of a model"))?;
        if weights.is_empty() {
            return Err(words("there is no .safetensors file: choose the whole folder of a model"));
        }
        let checkpoint = Checkpoint::from_bytes(config, weights).map_err(words)?;
        let forbidden = Platform::ALL.into_iter().filter(|platform| !platforms.iter().any(|name| name == platform.name()));
        let options = LoadOptions { forbidden: forbidden.collect(), ..LoadOptions::default() };
        let model = load(FAMILIES, &checkpoint, SentenceEmbedding::PIPELINE, &options).await.map_err(words)?;
        let pipeline = SentenceEmbedding::new(model, &ModelFiles::from_bytes(small)).map_err(words)?;
        Ok(Self { pipeline, known: Vec::new() })
    }

    /// What was found out while loading, as JSON.
    pub fn report(&self) -> String {
        serde_json::to_string(self.pipeline.text.model.report()).unwrap_or_default()
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

fn words(error: impl std::fmt::Display) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

//! What a picture shows: the pipeline of image classification.
//!
//! ```js
//! const demo = await Demo.load({ 'config.json': bytes, 'preprocessor_config.json': bytes, 'model.safetensors': bytes }, ['webnn', 'webgpu', 'cpu']);
//! JSON.parse(demo.report());                          // where it computes, and why not elsewhere
//! JSON.parse(await demo.classify(width, height, rgba)); // {ms, labels: [{class, label, score}]}
//! ```

use ipfs_accelerate_pipelines::Control;
use ipfs_accelerate_pipelines::vision::{ImageClassification, Picture};
use ipfs_accelerate_runtime::registry::Entry;
use ipfs_accelerate_skills::{deit, vit};
use ipfs_accelerate_web_demo::{open, report, words};
use js_sys::Object;
use serde_json::json;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_time::Instant;

/// The families that the tab serves; each adds to its size.
const FAMILIES: &[Entry] = &[Entry::of::<vit::Skillset>(), Entry::of::<deit::Skillset>()];

/// A model.
#[wasm_bindgen]
pub struct Demo {
    pipeline: ImageClassification,
}

#[wasm_bindgen]
impl Demo {
    /// **Errors** those of [`open`] and [`ImageClassification::new`].
    pub async fn load(files: Object, platforms: Vec<String>) -> Result<Demo, JsValue> {
        let (model, files) = open(FAMILIES, ImageClassification::PIPELINE, &files, &platforms).await?;
        Ok(Self { pipeline: ImageClassification::new(model, &files).map_err(words)? })
    }

    /// What was found out while loading, as JSON.
    pub fn report(&self) -> String {
        report(self.pipeline.model.as_ref())
    }

    /// The likeliest classes of a picture of as many pixels, four bytes each.
    ///
    /// **Errors** as text: the picture's, the model's.
    pub async fn classify(&mut self, width: usize, height: usize, rgba: Vec<u8>) -> Result<String, JsValue> {
        let started = Instant::now();
        let picture = Picture::from_rgba(width, height, &rgba).map_err(words)?;
        let labels = self.pipeline.run(&[picture], Control::default()).await.map_err(words)?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(json!({ "ms": ms, "labels": labels.first() }).to_string())
    }
}

fn main() {}

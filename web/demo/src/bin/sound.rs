//! What is said: the pipeline of speech recognition.
//!
//! ```js
//! const demo = await Demo.load({ 'config.json': bytes, 'tokenizer.json': bytes, 'model.safetensors': bytes, … }, ['webnn', 'webgpu', 'cpu']);
//! JSON.parse(demo.report());    // where it computes, and why not elsewhere
//! demo.rate();                  // samples of a second that the model was trained on
//! const heard = (text, progress) => …;
//! JSON.parse(await demo.transcribe(rate, [left, right], 'en', heard, signal)); // {ms, seconds, transcript: {text, segments, language}}
//! ```

use std::cell::{Cell, RefCell};

use ipfs_accelerate_pipelines::audio::Sound;
use ipfs_accelerate_pipelines::{Cancellation, Control, Progress, SpeechRecognition};
use ipfs_accelerate_runtime::registry::Entry;
use ipfs_accelerate_skills::whisper;
use ipfs_accelerate_web_demo::{open, report, words};
use js_sys::{Float32Array, Function, Object, Reflect};
use serde_json::json;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};
use web_time::Instant;

/// The families that the tab serves; each adds to its size.
const FAMILIES: &[Entry] = &[Entry::of::<whisper::Skillset>()];

/// A model.
#[wasm_bindgen]
pub struct Demo {
    pipeline: SpeechRecognition,
}

#[wasm_bindgen]
impl Demo {
    /// **Errors** those of [`open`] and [`SpeechRecognition::new`].
    pub async fn load(files: Object, platforms: Vec<String>) -> Result<Demo, JsValue> {
        let (model, files) = open(FAMILIES, SpeechRecognition::PIPELINE, &files, &platforms).await?;
        Ok(Self { pipeline: SpeechRecognition::new(model, &files).map_err(words)? })
    }

    /// What was found out while loading, as JSON.
    pub fn report(&self) -> String {
        report(self.pipeline.model())
    }

    /// The languages that may be named, as JSON; none where the model has one.
    pub fn languages(&self) -> String {
        json!(self.pipeline.config.lang_to_id.keys().collect::<Vec<_>>()).to_string()
    }

    /// Samples of a second that the model was trained on; others are resampled.
    pub fn rate(&self) -> u32 {
        self.pipeline.log_mel.sample_rate_hz()
    }

    /// The text of a sound: its channels, as `AudioBuffer` gives them. Without a language it is heard. `heard` is called with the text so far
    /// and with the part of the sound that is behind it; an `AbortSignal` stops within a token.
    ///
    /// **Errors** as text: the sound's, the model's, `cancelled`.
    pub async fn transcribe(
        &mut self,
        rate: u32,
        channels: Vec<Float32Array>,
        language: Option<String>,
        heard: Function,
        signal: JsValue,
    ) -> Result<String, JsValue> {
        let started = Instant::now();
        let channels: Vec<Vec<f32>> = channels.iter().map(Float32Array::to_vec).collect();
        let sound = Sound::from_channels(rate, &channels).map_err(words)?;
        self.pipeline.options.language = language;
        let cancellation = Cancellation::default();
        let stop = cancellation.clone();
        let stop = Closure::<dyn FnMut()>::new(move || stop.cancel());
        if Reflect::get(&signal, &"aborted".into()).is_ok_and(|aborted| aborted.is_truthy()) {
            cancellation.cancel();
        }
        let listen = Reflect::get(&signal, &"addEventListener".into())?.dyn_into::<Function>()?;
        listen.call2(&signal, &"abort".into(), stop.as_ref())?;
        let (text, part) = (RefCell::new(String::new()), Cell::new(0.0));
        // What a page does wrong in its callback is no error of ours.
        let tell = || _ = heard.call2(&JsValue::UNDEFINED, &text.borrow().as_str().into(), &part.get().into());
        let progress = |progress: Progress| {
            part.set(progress.done as f64 / progress.total.max(1) as f64);
            tell();
        };
        let mut written = |words: &str| {
            words.clone_into(&mut text.borrow_mut());
            tell();
        };
        let control = Control { progress: Some(&progress), cancellation: Some(&cancellation) };
        let transcript = self.pipeline.run(&sound, control, &mut written).await;
        let silence = Reflect::get(&signal, &"removeEventListener".into())?.dyn_into::<Function>()?;
        silence.call2(&signal, &"abort".into(), stop.as_ref())?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(json!({ "ms": ms, "seconds": sound.seconds(), "transcript": transcript.map_err(words)? }).to_string())
    }
}

fn main() {}

//! What the tabs of the demo page share: a model from the files of its folder, errors as words. Each tab is a program of its own in `src/bin`, so that
//! its module holds what it uses alone.

use ipfs_accelerate_pipelines::{LoadOptions, ModelFiles, load};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::registry::{AnyModel, Entry};
use ipfs_accelerate_runtime::weights::Checkpoint;
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;

/// Loads the files of a model's folder, by their names there, with the head for a pipeline. Platforms that are not named are not used.
///
/// **Errors** as text: a file that is missing, a checkpoint that does not fit, every platform with the reason why it does not serve.
pub async fn open(
    families: &[Entry],
    pipeline: &str,
    files: &Object,
    platforms: &[String],
) -> Result<(Box<dyn AnyModel>, ModelFiles), JsValue> {
    let (mut small, mut weights, mut config) = (Vec::new(), Vec::new(), None);
    for entry in Object::entries(files).iter() {
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
    let model = load(families, &checkpoint, pipeline, &options).await.map_err(words)?;
    Ok((model, ModelFiles::from_bytes(small)))
}

/// What was found out while loading, as JSON.
pub fn report(model: &dyn AnyModel) -> String {
    serde_json::to_string(model.report()).unwrap_or_default()
}

/// JavaScript's `Error`.
pub fn words(error: impl std::fmt::Display) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

//! One skillset as a module for JavaScript.
//!
//! ```js
//! const model = await Model.load(config, { 'model.safetensors': bytes }, ['webnn', 'webgpu', 'cpu']);
//! JSON.parse(model.report());                                   // where it computes, and why not elsewhere
//! const outputs = await model.run({ input_ids: { dataType: 'int32', shape: [1, 3], data: new Int32Array([101, 7592, 102]) } });
//! outputs.last_hidden_state.data;                               // a Float32Array
//! ```

use std::collections::BTreeMap;

use ipfs_accelerate_runtime::model::{LoadOptions, Model as Loaded};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::weights::Checkpoint;
use ipfs_accelerate_runtime::{DataType, OperandDescriptor, Tensor};
use ipfs_accelerate_skills::bert::Skillset;
use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// A model that is ready to run.
#[wasm_bindgen]
pub struct Model(Loaded<Skillset>);

#[wasm_bindgen]
impl Model {
    /// Loads a checkpoint: the text of config.json and safetensors files by name. Platforms that are not named are not used; their order
    /// is the module's own.
    ///
    /// **Errors** as text: a checkpoint that does not fit, every platform with the reason why it does not serve.
    pub async fn load(config: String, files: Object, platforms: Vec<String>) -> Result<Model, JsValue> {
        let entries = Object::entries(&files);
        let files = entries.iter().map(|entry| {
            let entry = Array::from(&entry);
            (entry.get(0).as_string().unwrap_or_default(), Uint8Array::new(&entry.get(1)).to_vec())
        });
        let checkpoint = Checkpoint::from_bytes(config, files).map_err(words)?;
        let forbidden = Platform::ALL.into_iter().filter(|platform| !platforms.iter().any(|name| name == platform.name()));
        let options = LoadOptions { forbidden: forbidden.collect(), ..LoadOptions::default() };
        Ok(Self(Loaded::load(&checkpoint, &options).await.map_err(words)?))
    }

    /// What was found out while loading, as JSON.
    pub fn report(&self) -> String {
        serde_json::to_string(self.0.report()).unwrap_or_default()
    }

    /// Runs once on named tensors, `{dataType, shape, data}`, of which `data` is a typed array.
    ///
    /// **Errors** as text: an input that is unknown, missing, of another type or shape, or out of range; the device's.
    pub async fn run(&mut self, inputs: Object) -> Result<Object, JsValue> {
        let mut given = BTreeMap::new();
        for entry in Object::entries(&inputs).iter() {
            let entry = Array::from(&entry);
            let name = entry.get(0).as_string().unwrap_or_default();
            given.insert(name.clone(), tensor(&entry.get(1)).map_err(|reason| words(format!("`{name}`: {reason}")))?);
        }
        let run = self.0.run(&given, &[]).await.map_err(words)?;
        let outputs = Object::new();
        for (name, tensor) in &run.outputs {
            let shape: Array = tensor.shape().iter().map(|size| JsValue::from(*size as f64)).collect();
            let data = match tensor.as_slice::<f32>() {
                Ok(numbers) => Float32Array::from(numbers).into(),
                Err(_) => Uint8Array::from(tensor.bytes()).into(),
            };
            let output = Object::new();
            set(&output, "dataType", tensor.data_type().name().into());
            set(&output, "shape", shape.into());
            set(&output, "data", data);
            set(&outputs, name, output.into());
        }
        Ok(outputs)
    }
}

fn tensor(value: &JsValue) -> Result<Tensor, String> {
    let member = |name: &str| Reflect::get(value, &name.into()).map_err(|_| format!("`{name}` is missing"));
    let name = member("dataType")?.as_string().unwrap_or_default();
    let data_type = DataType::from_name(&name).ok_or_else(|| format!("there is no data type `{name}`"))?;
    let shape: Vec<usize> = member("shape")?
        .dyn_into::<Array>()
        .map_err(|_| "`shape` is no array")?
        .iter()
        .map(|size| size.as_f64().unwrap_or(-1.0) as usize)
        .collect();
    let data = member("data")?;
    let part = |name: &str| Reflect::get(&data, &name.into()).ok().and_then(|number| number.as_f64()).unwrap_or(0.0) as u32;
    let buffer = Reflect::get(&data, &"buffer".into()).map_err(|_| "`data` is no typed array".to_owned())?;
    let buffer: JsValue = buffer.dyn_into::<js_sys::ArrayBuffer>().map_err(|_| "`data` is no typed array")?.into();
    let bytes = Uint8Array::new_with_byte_offset_and_length(&buffer, part("byteOffset"), part("byteLength")).to_vec();
    let descriptor = OperandDescriptor::new(data_type, shape).map_err(|error| error.to_string())?;
    Tensor::new(descriptor, &bytes).map_err(|error| error.to_string())
}

fn set(object: &Object, name: &str, value: JsValue) {
    // A fresh object takes every member.
    let _ = Reflect::set(object, &name.into(), &value);
}

fn words(error: impl std::fmt::Display) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

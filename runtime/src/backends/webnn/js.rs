//! JavaScript by name. Every lookup and call can throw, and is a `Result` here; nothing is bound before it is called.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What was thrown, in its own words.
pub(super) type Thrown = String;

/// The object on which everything is found, in a window or a worker.
pub(super) fn global() -> JsValue {
    js_sys::global().into()
}

/// A member; none where it is missing, undefined or null.
pub(super) fn get(object: &JsValue, name: &str) -> Result<Option<JsValue>, Thrown> {
    let value = Reflect::get(object, &name.into()).map_err(|error| format!("{name}: {}", words(&error)))?;
    Ok(if value.is_undefined() || value.is_null() { None } else { Some(value) })
}

/// Calls a method.
pub(super) fn call(object: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, Thrown> {
    let function = get(object, method)?.and_then(|value| value.dyn_into::<Function>().ok());
    let function = function.ok_or_else(|| format!("`{method}` is not there"))?;
    Reflect::apply(&function, object, &array(arguments.iter().copied())).map_err(|error| format!("{method}: {}", words(&error)))
}

/// Calls a method that promises, and waits.
pub(super) async fn call_async(object: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, Thrown> {
    let promise = call(object, method, arguments)?;
    wait(promise).await.map_err(|error| format!("{method}: {error}"))
}

/// Waits for a promise; a value that is none is given as it is.
pub(super) async fn wait(promise: JsValue) -> Result<JsValue, Thrown> {
    JsFuture::from(js_sys::Promise::resolve(&promise)).await.map_err(|error| words(&error))
}

/// Makes an object of a class of the global scope.
pub(super) fn construct(class: &str, arguments: &[&JsValue]) -> Result<JsValue, Thrown> {
    let function =
        get(&global(), class)?.and_then(|value| value.dyn_into::<Function>().ok()).ok_or_else(|| format!("`{class}` is not there"))?;
    Reflect::construct(&function, &array(arguments.iter().copied())).map_err(|error| format!("{class}: {}", words(&error)))
}

/// An object of these members.
pub(super) fn object<N: AsRef<str>>(members: impl IntoIterator<Item = (N, JsValue)>) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in members {
        // A fresh object takes every member.
        let _ = Reflect::set(&object, &name.as_ref().into(), &value);
    }
    object.into()
}

/// An array of these elements.
pub(super) fn array<'a>(elements: impl IntoIterator<Item = &'a JsValue>) -> Array {
    elements.into_iter().collect()
}

/// An array of whole numbers.
pub(super) fn numbers(numbers: &[usize]) -> JsValue {
    numbers.iter().map(|number| JsValue::from(*number as f64)).collect::<Array>().into()
}

/// The text of an error: `TypeError: …`.
pub(super) fn words(error: &JsValue) -> String {
    // What was thrown need not be an error.
    js_sys::JsString::from("").concat(error).into()
}

//! What the specs say of a browser, as `gen list browsers` prints it: how it is started, how a WebDriver end is asked for it.

use serde_json::Value;

use crate::shell::{Result, cargo};

/// One browser of `model_specs/browsers`.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// What the program is started with.
    pub(super) flags: Vec<String>,
    /// What a W3C WebDriver end is asked for.
    pub(super) capabilities: Value,
}

impl Spec {
    /// The spec of this name, for a page at `origin`.
    ///
    /// **Errors** specs that are wrong, a browser that has none.
    pub(super) fn read(name: &str, origin: &str) -> Result<Self> {
        let output = cargo(&["run", "--quiet", "--bin", "gen", "--", "list", "browsers", "--json"]).output();
        let output = output.map_err(|error| format!("gen list browsers: {error}"))?;
        if !output.status.success() {
            return Err(format!("gen list browsers: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let all: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("gen list browsers: {error}"))?;
        Self::find(&all, name, origin)
    }

    fn find(all: &Value, name: &str, origin: &str) -> Result<Self> {
        let browsers = all["browsers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(spec) = browsers.iter().find(|spec| spec["name"] == name) else {
            let known: Vec<&str> = browsers.iter().filter_map(|spec| spec["name"].as_str()).collect();
            return Err(format!("there is no spec of a browser `{name}`; there are {}", known.join(", ")));
        };
        let mut capabilities = spec["capabilities"].clone();
        fill(&mut capabilities, origin);
        let mut flags = spec["flags"].clone();
        fill(&mut flags, origin);
        let flags = flags.as_array().into_iter().flatten().filter_map(|flag| flag.as_str().map(str::to_owned)).collect();
        Ok(Self { flags, capabilities })
    }
}

/// Puts the page's origin where `{origin}` stands. WebGPU and WebNN want a secure page, which loopback is: there, what asks for it is left out.
fn fill(value: &mut Value, origin: &str) {
    let secure = ["http://127.0.0.1", "http://localhost", "http://[::1]", "https://"].iter().any(|start| origin.starts_with(start));
    match value {
        Value::String(text) => *text = text.replace("{origin}", origin.trim_end_matches('/')),
        Value::Array(list) => {
            list.retain(|each| !secure || !each.as_str().is_some_and(|text| text.contains("{origin}")));
            list.iter_mut().for_each(|each| fill(each, origin));
        }
        Value::Object(members) => members.iter_mut().for_each(|(_, each)| fill(each, origin)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_origin_that_is_not_secure_is_named_to_the_browser() {
        let flags = json!(["--headless", "--secure={origin}"]);
        let all = json!({ "browsers": [{ "name": "a", "flags": flags, "capabilities": { "b": { "args": flags } } }] });
        let remote = Spec::find(&all, "a", "http://192.0.2.1:80/").unwrap();
        assert_eq!(remote.flags, ["--headless", "--secure=http://192.0.2.1:80"]);
        assert_eq!(remote.capabilities["b"]["args"], json!(remote.flags));
        assert_eq!(Spec::find(&all, "a", "http://127.0.0.1:80/").unwrap().flags, ["--headless"]);
        assert!(Spec::find(&all, "c", "").unwrap_err().contains("there are a"));
    }
}

//! A browser's spec: how it is started and driven for tests, and since when it has what we use. Nothing in a product is decided by it: a page asks
//! the browser that it runs in.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::fields::{self, Spanned};
use super::schema::{Record, Shape, optional, required};
use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::yaml::{Node, Value};

/// The file.
pub static BROWSER: Record = Record {
    name: "browser",
    doc: "How a browser is started and driven for tests, and since when it has what we use: model_specs/browsers/<browser>.yaml.",
    fields: &[
        required("browser", Shape::Text, "The file's name."),
        required("doc", Shape::Text, "One sentence."),
        optional("flags", Shape::List(&Shape::Text), "What the program is started with to run tests without a window."),
        optional("preferences", Shape::Map(&Shape::Scalar), "Preferences of the profile, where the browser takes them."),
        required("webdriver", Shape::Record(&WEBDRIVER), "How a W3C WebDriver end is asked for it."),
        required("minimum", Shape::Map(&Shape::Record(&MINIMUM)), "By platform: since when the browser has it."),
    ],
};

static WEBDRIVER: Record = Record {
    name: "webdriver",
    doc: "How a W3C WebDriver end is asked for a browser.",
    fields: &[
        required("browser_name", Shape::Text, "The capability `browserName`."),
        optional("options", Shape::Text, "The vendor's capability that takes `args`, and `prefs` where there are preferences."),
        required("source", Shape::Text, "Where this is documented."),
    ],
};

static MINIMUM: Record = Record {
    name: "minimum",
    doc: "Since when a browser has a platform.",
    fields: &[
        optional("version", Shape::Int, "The first version that has it without flags; none if absent."),
        optional("note", Shape::Text, "Where it is narrower than that."),
        required("source", Shape::Text, "Where this is documented."),
        required("date", Shape::Text, "The day on which that was so: YYYY-MM-DD."),
    ],
};

const PLATFORMS: &[&str] = &["webnn", "webgpu", "cpu"];

/// How a browser is started and driven, and since when it has what we use.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Browser {
    pub file: Arc<SourceText>,
    pub name: Spanned<String>,
    pub doc: String,
    pub flags: Vec<String>,
    pub preferences: Map<String, Json>,
    pub browser_name: String,
    pub options: Option<String>,
    pub minimum: Vec<Minimum>,
}

/// Since when a browser has a platform.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Minimum {
    pub platform: String,
    pub version: Option<i64>,
    pub note: String,
    pub source: String,
    pub date: String,
}

impl Browser {
    /// Reads a node that [`BROWSER`] has checked.
    pub fn read(node: &Node, file: Arc<SourceText>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut minimum = Vec::new();
        for (key, value) in fields::get(node, "minimum").map_or(&[][..], fields::entries) {
            let platform = fields::spanned(key)?;
            if !PLATFORMS.contains(&platform.value.as_str()) {
                let help = names::did_you_mean(&platform.value, PLATFORMS.iter().copied());
                diagnostics.add(Code::UnknownPlatform, platform.span, format!("there is no platform `{}`", platform.value), help);
                continue;
            }
            minimum.push(Minimum {
                platform: platform.value,
                version: fields::int(value, "version"),
                note: fields::text(value, "note").unwrap_or_default(),
                source: source(value, diagnostics)?,
                date: date(value, diagnostics)?,
            });
        }
        let webdriver = fields::get(node, "webdriver")?;
        source(webdriver, diagnostics)?;
        let preference = |(key, value): &(Node, Node)| Some((key.text()?.to_owned(), scalar(value)?));
        Some(Self {
            file,
            name: fields::spanned_text(node, "browser")?,
            doc: fields::text(node, "doc")?,
            flags: fields::texts(fields::get(node, "flags")).into_iter().map(|flag| flag.value).collect(),
            preferences: fields::get(node, "preferences").map_or(&[][..], fields::entries).iter().filter_map(preference).collect(),
            browser_name: fields::text(webdriver, "browser_name")?,
            options: fields::text(webdriver, "options"),
            minimum,
        })
    }

    /// The capabilities that ask a W3C WebDriver end for this browser.
    pub fn capabilities(&self) -> Json {
        let mut capabilities = json!({ "browserName": self.browser_name });
        if let Some(options) = &self.options {
            capabilities[options] = json!({ "args": self.flags });
            if !self.preferences.is_empty() {
                capabilities[options]["prefs"] = self.preferences.clone().into();
            }
        }
        capabilities
    }

    /// All of it, for programs that start browsers.
    pub fn to_json(&self) -> Json {
        json!({
            "name": self.name.value,
            "about": self.doc,
            "flags": self.flags,
            "capabilities": self.capabilities(),
            "minimum": self.minimum,
        })
    }
}

fn scalar(node: &Node) -> Option<Json> {
    Some(match &node.value {
        Value::Text(text) => text.as_str().into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Bool(flag) => (*flag).into(),
        _ => return None,
    })
}

/// Where a fact comes from: a page's address, or a command of this repository.
fn source(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let source = fields::spanned_text(node, "source")?;
    if !source.value.starts_with("https://") && !source.value.starts_with("cargo xtask ") {
        let message = format!("expected an address that starts with https:// or a `cargo xtask` command, found `{}`", source.value);
        diagnostics.add(Code::WrongType, source.span, message, "name where this can be seen".to_owned());
    }
    Some(source.value)
}

/// A day as YYYY-MM-DD.
fn date(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let date = fields::spanned_text(node, "date")?;
    let parts: Vec<&str> = date.value.split('-').collect();
    let whole = |index: usize, width: usize| parts.get(index).filter(|part| part.len() == width)?.parse::<u32>().ok();
    let day = whole(0, 4).is_some() && matches!(whole(1, 2), Some(1..=12)) && matches!(whole(2, 2), Some(1..=31));
    if parts.len() != 3 || !day {
        let message = format!("expected a day as YYYY-MM-DD, found `{}`", date.value);
        diagnostics.add(Code::WrongType, date.span, message, "write it as 2026-11-23".to_owned());
    }
    Some(date.value)
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::{Code, Diagnostics};
    use crate::sources::Sources;
    use crate::spec;

    const TEXT: &str = "\
browser: firefox
doc: A browser.
flags: [-headless]
preferences: {dom.webgpu.enabled: true}
webdriver: {browser_name: firefox, options: \"moz:firefoxOptions\", source: \"https://example.org\"}
minimum:
  webgpu: {version: 141, source: \"https://example.org\", date: \"2026-04-08\"}
  webnn: {source: cargo xtask web-detect, date: \"2026-11-23\"}
";

    fn read(text: &str) -> (Vec<spec::Browser>, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let sources = Sources::from_files([("model_specs/browsers/firefox.yaml".to_owned(), text.to_owned())]);
        (spec::browsers(&sources, &mut diagnostics), diagnostics)
    }

    #[test]
    fn capabilities_are_those_of_the_vendor() {
        let (browsers, diagnostics) = read(TEXT);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let expected = serde_json::json!({
            "browserName": "firefox",
            "moz:firefoxOptions": { "args": ["-headless"], "prefs": { "dom.webgpu.enabled": true } },
        });
        assert_eq!(browsers[0].capabilities(), expected);
        assert_eq!(browsers[0].to_json()["minimum"][0]["version"], 141);
    }

    #[test]
    fn what_is_wrong_is_named_at_its_place() {
        for (from, to, code) in [
            ("  webgpu: {", "  webgl: {", Code::UnknownPlatform),
            ("\"2026-04-08\"", "April 2026", Code::WrongType),
            ("cargo xtask web-detect", "hearsay", Code::WrongType),
            ("flags:", "flag:", Code::UnknownField),
            ("browser: firefox\n", "browser: chrome\n", Code::FileName),
        ] {
            assert!(TEXT.contains(from));
            let (browsers, diagnostics) = read(&TEXT.replace(from, to));
            let codes: Vec<_> = diagnostics.into_sorted().into_iter().map(|diagnostic| diagnostic.code).collect();
            assert_eq!((browsers.len(), codes), (0, vec![code]), "{to}");
        }
    }

    #[test]
    fn the_house_s_own_browsers_are_right() {
        let mut diagnostics = Diagnostics::default();
        let browsers = spec::browsers(&Sources::embedded(), &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        assert_eq!(browsers.iter().map(|browser| browser.name.value.as_str()).collect::<Vec<_>>(), ["chrome", "edge", "firefox", "safari"]);
    }
}

//! A browser to test in: found or installed, started without a window, driven through its debugging pipe.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cdp::Connection;
use super::{Driven, folder};
use crate::shell::{Result, command, root, run as run_command, succeeds};

/// The npm package that carries a Chromium within it, with a WebNN that computes.
const PACKAGE: &str = "@sparticuz/chromium@^147";

/// The program of a browser: a path is taken as it is; `chromium` is the environment's `CHROME`, else the one of the npm package.
///
/// **Errors** what was looked for.
pub(super) fn find_or_install(name: &str) -> Result<PathBuf> {
    if name != "chromium" {
        let path = root().join(name);
        return if path.exists() { Ok(path) } else { Err(format!("`{name}` is not a program")) };
    }
    if let Some(path) = std::env::var_os("CHROME") {
        return Ok(path.into());
    }
    let program = folder().join("chromium/chromium");
    if !program.exists() {
        install().map_err(|error| format!("{error}; set CHROME to a Chromium with WebGPU and WebNN"))?;
    }
    if program.exists() { Ok(program) } else { Err(format!("{PACKAGE} left no program at {}", program.display())) }
}

fn install() -> Result {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the npm package of Chromium is for Linux on x86-64".into());
    }
    if !succeeds(command("npm", &["--version"])) {
        return Err("npm is not there to fetch Chromium".into());
    }
    let (modules, unpacked) = (folder().join("npm"), folder().join("chromium"));
    std::fs::create_dir_all(&modules).and_then(|()| std::fs::create_dir_all(&unpacked)).map_err(|error| error.to_string())?;
    println!("no browser; installing {PACKAGE}");
    let mut npm = command("npm", &["install", "--no-audit", "--no-fund", "--loglevel=error", PACKAGE]);
    npm.args(["--prefix".as_ref(), modules.as_os_str()]).current_dir(&modules);
    run_command(npm)?;
    // The package unpacks itself, graphics libraries too, into what it takes for the temporary folder.
    let unpack = "const c = (await import('@sparticuz/chromium')).default; c.setGraphicsMode = true; await c.executablePath()";
    let mut node = command("node", &["--input-type=module", "--eval", unpack]);
    node.current_dir(&modules).env("TMPDIR", &unpacked);
    run_command(node)
}

/// A running browser with one page.
pub(super) struct Browser {
    connection: Connection,
    session: String,
    version: String,
    console: Vec<String>,
    dead: Option<String>,
    /// The field that asks for files.
    chooser: Option<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// **Errors** a program that does not start or does not answer.
    pub(super) fn start(program: &Path, flags: &[String]) -> Result<Self> {
        let profile = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> =
            flags.iter().map(String::as_str).chain([data.as_str(), "--remote-debugging-pipe", "about:blank"]).collect();
        let mut connection = Connection::start(program, &arguments)?;
        let version = text(&connection.call(None, "Browser.getVersion", json!({}))?, "product");
        let target = text(&connection.call(None, "Target.createTarget", json!({ "url": "about:blank" }))?, "targetId");
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&connection.call(None, "Target.attachToTarget", attach)?, "sessionId");
        for domain in ["Runtime.enable", "Page.enable", "Log.enable", "Inspector.enable"] {
            connection.call(Some(&session), domain, json!({}))?;
        }
        Ok(Self { connection, session, version, console: Vec::new(), dead: None, chooser: None, _profile: profile })
    }
}

impl Browser {
    /// The value of an expression of `element`.
    fn evaluate(&mut self, selector: &str, expression: &str) -> Result<Value> {
        let expression = format!("(() => {{ const element = document.querySelector({}); return {expression}; }})()", json!(selector));
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.connection.call(Some(&self.session), "Runtime.evaluate", parameters)?;
        if answer.get("exceptionDetails").is_some() {
            return Err(format!("`{selector}`: {}", answer["result"]["description"].as_str().unwrap_or("threw")));
        }
        Ok(answer["result"]["value"].take())
    }
}

impl Driven for Browser {
    fn version(&self) -> &str {
        &self.version
    }

    fn open(&mut self, page: &str) -> Result {
        let answer = self.connection.call(Some(&self.session), "Page.navigate", json!({ "url": page }))?;
        answer.get("errorText").map_or(Ok(()), |error| Err(format!("{page}: {error}")))
    }

    fn attend(&mut self) {
        while let Some(event) = self.connection.event(Duration::ZERO) {
            let details = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.consoleAPICalled" => {
                    let words = details["args"].as_array().into_iter().flatten().map(|argument| match &argument["value"] {
                        Value::String(text) => text.clone(),
                        Value::Null => argument["description"].as_str().unwrap_or_default().to_owned(),
                        value => value.to_string(),
                    });
                    self.console.push(format!("{}: {}", text(details, "type"), words.collect::<Vec<_>>().join(" ")));
                }
                "Runtime.exceptionThrown" => {
                    let exception = &details["exceptionDetails"];
                    let words = exception["exception"]["description"].as_str().or_else(|| exception["text"].as_str());
                    self.console.push(format!("exception: {}", words.unwrap_or_default()));
                }
                "Log.entryAdded" => self.console.push(format!("{}: {}", text(&details["entry"], "level"), text(&details["entry"], "text"))),
                "Page.fileChooserOpened" => self.chooser = Some(details["backendNodeId"].clone()),
                "Inspector.targetCrashed" => self.dead = Some("the page crashed".into()),
                _ => {}
            }
        }
        if self.connection.is_closed() {
            self.dead.get_or_insert_with(|| "the browser ended".into());
        }
    }

    fn console(&self) -> &[String] {
        &self.console
    }

    fn dead(&self) -> Option<&str> {
        self.dead.as_deref()
    }

    fn text(&mut self, selector: &str) -> Result<String> {
        Ok(self.evaluate(selector, "element.innerText")?.as_str().unwrap_or_default().to_owned())
    }

    fn click(&mut self, selector: &str) -> Result {
        self.evaluate(selector, "element.scrollIntoView({ block: 'center', behavior: 'instant' })")?;
        let place = "(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(element.getBoundingClientRect())";
        let place = self.evaluate(selector, place)?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1 });
            self.connection.call(Some(&self.session), "Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    fn fill(&mut self, selector: &str, text: &str) -> Result {
        self.click(selector)?;
        self.evaluate(selector, "element.select()")?;
        self.connection.call(Some(&self.session), "Input.insertText", json!({ "text": text })).map(drop)
    }

    fn choose(&mut self, selector: &str, files: &[&Path]) -> Result {
        let session = self.session.clone();
        self.connection.call(Some(&session), "Page.setInterceptFileChooserDialog", json!({ "enabled": true }))?;
        self.chooser = None;
        self.click(selector)?;
        let end = Instant::now() + Duration::from_secs(10);
        while self.chooser.is_none() && Instant::now() < end {
            self.attend();
            std::thread::sleep(Duration::from_millis(10));
        }
        let field = self.chooser.take().ok_or_else(|| format!("`{selector}`: a click asks for no file"))?;
        let given = json!({ "backendNodeId": field, "files": files });
        self.connection.call(Some(&session), "DOM.setFileInputFiles", given).map(drop)
    }

    fn press(&mut self, key: &str) -> Result {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.connection.call(Some(&self.session), "Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    fn has_devices(&self) -> Result {
        Ok(())
    }

    fn crash_gpu(&mut self) -> Result {
        // The process answers no more: nothing but the page tells that it is gone.
        self.connection.call(None, "Browser.crashGpuProcess", json!({})).map(drop)
    }

    fn screenshot(&mut self) -> Option<Vec<u8>> {
        let answer = self.connection.call(Some(&self.session), "Page.captureScreenshot", json!({})).ok()?;
        base64(answer["data"].as_str()?)
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// Bytes of a base64 text; none where it is no such text.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        bits = bits << 6 | LETTERS.iter().position(|known| *known == letter)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_decodes() {
        assert_eq!(super::base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(super::base64("iVBO"), Some(vec![0x89, b'P', b'N']));
        assert_eq!(super::base64("a!"), None);
    }
}

//! A W3C WebDriver end, here or elsewhere: Selenium Grid, a cloud of browsers, a driver on this machine. It opens the page; the results come to
//! the server that serves it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use super::Driven;
use super::browser::base64;
use crate::shell::Result;

/// Time that one command has: a cloud may take minutes to start a browser.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at whether the browser is still there.
const PULSE: Duration = Duration::from_secs(10);

/// A session of a WebDriver end; it is deleted with this.
pub(super) struct Session {
    agent: Agent,
    address: String,
    version: String,
    dead: Option<String>,
    looked: Instant,
}

impl Session {
    /// Asks for a browser.
    ///
    /// **Errors** an end that does not answer or has no such browser, in its words.
    pub(super) fn start(end: &str, capabilities: &Value) -> Result<Self> {
        let agent: Agent = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into();
        let end = end.trim_end_matches('/');
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let value = command(&agent, "POST", &format!("{end}/session"), Some(&body))?;
        let id = value["sessionId"].as_str().ok_or_else(|| format!("{end}: the answer has no session: {value}"))?;
        let text = |name: &str| value["capabilities"][name].as_str().unwrap_or_default().to_owned();
        let version = format!("{}/{} on {}", text("browserName"), text("browserVersion"), text("platformName"));
        Ok(Self { agent, address: format!("{end}/session/{id}"), version, dead: None, looked: Instant::now() })
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        command(&self.agent, method, &format!("{}{path}", self.address), body)
    }
}

impl Session {
    /// The reference of an element.
    fn element(&self, selector: &str) -> Result<String> {
        let found = self.call("POST", "/element", Some(&json!({ "using": "css selector", "value": selector })))?;
        // The specification's own name of the member.
        let reference = found["element-6066-11e4-a52e-4f735466cecf"].as_str();
        reference.map(str::to_owned).ok_or_else(|| format!("`{selector}`: no element in {found}"))
    }
}

impl Driven for Session {
    fn version(&self) -> &str {
        &self.version
    }

    fn open(&mut self, page: &str) -> Result {
        self.call("POST", "/url", Some(&json!({ "url": page }))).map(drop)
    }

    fn attend(&mut self) {
        if self.looked.elapsed() > PULSE {
            self.dead = self.call("GET", "/title", None).err();
            self.looked = Instant::now();
        }
    }

    fn console(&self) -> &[String] {
        // Only some ends tell it, each in its own way; the page itself reports what nobody caught.
        &[]
    }

    fn dead(&self) -> Option<&str> {
        self.dead.as_deref()
    }

    fn text(&mut self, selector: &str) -> Result<String> {
        let element = self.element(selector)?;
        Ok(self.call("GET", &format!("/element/{element}/text"), None)?.as_str().unwrap_or_default().to_owned())
    }

    fn click(&mut self, selector: &str) -> Result {
        let element = self.element(selector)?;
        self.call("POST", &format!("/element/{element}/click"), Some(&json!({}))).map(drop)
    }

    fn fill(&mut self, selector: &str, text: &str) -> Result {
        let element = self.element(selector)?;
        self.call("POST", &format!("/element/{element}/clear"), Some(&json!({})))?;
        self.call("POST", &format!("/element/{element}/value"), Some(&json!({ "text": text }))).map(drop)
    }

    fn choose(&mut self, selector: &str, files: &[&Path]) -> Result {
        // The specification's way: paths where the browser runs, one a line.
        let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let element = self.element(selector)?;
        self.call("POST", &format!("/element/{element}/value"), Some(&json!({ "text": paths.join("\n") }))).map(drop)
    }

    fn screenshot(&mut self) -> Option<Vec<u8>> {
        base64(self.call("GET", "/screenshot", None).ok()?.as_str()?)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // An end that is gone has no session either.
        let _ = self.call("DELETE", "", None);
    }
}

/// One command; its `value`.
fn command(agent: &Agent, method: &str, address: &str, body: Option<&Value>) -> Result<Value> {
    let wrong = |error: ureq::Error| format!("{method} {address}: {error}");
    let sent = match (method, body) {
        ("POST", body) => agent.post(address).send_json(body.unwrap_or(&json!({}))),
        ("DELETE", _) => agent.delete(address).call(),
        _ => agent.get(address).call(),
    };
    let mut answer = sent.map_err(wrong)?;
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().map_err(wrong)?;
    let parsed: Value = serde_json::from_str(&text).map_err(|_| format!("{method} {address}: {status}: {}", first_line(&text)))?;
    let value = &parsed["value"];
    if status.is_success() {
        return Ok(value.clone());
    }
    let told = |name: &str| first_line(value[name].as_str().unwrap_or_default()).to_owned();
    Err(format!("{method} {address}: {}: {}", told("error"), told("message")))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// An end that answers each request as told, and gives what it was asked.
    fn end(answers: Vec<(&'static str, Value)>) -> (String, std::thread::JoinHandle<Vec<(String, String)>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for (status, value) in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                let (mut request, mut length) = (String::new(), 0);
                reader.read_line(&mut request).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                asked.push((request.trim().to_owned(), String::from_utf8(body).unwrap()));
                let body = json!({ "value": value }).to_string();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                reader.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
            asked
        });
        (address, thread)
    }

    #[test]
    fn a_session_is_asked_for_used_and_deleted() {
        let capabilities = json!({ "browserName": "x", "browserVersion": "1", "platformName": "y" });
        let answers = vec![
            ("200 OK", json!({ "sessionId": "id", "capabilities": capabilities })),
            ("200 OK", Value::Null),
            ("200 OK", json!("aGVsbG8=")),
            ("200 OK", Value::Null),
        ];
        let (address, thread) = end(answers);
        let mut session = Session::start(&address, &json!({ "browserName": "x" })).unwrap();
        assert_eq!(session.version(), "x/1 on y");
        session.open("http://page/").unwrap();
        assert_eq!(session.screenshot(), Some(b"hello".to_vec()));
        drop(session);
        let asked = thread.join().unwrap();
        let lines: Vec<&str> = asked.iter().map(|(line, _)| line.trim_end_matches(" HTTP/1.1")).collect();
        assert_eq!(lines, ["POST /session", "POST /session/id/url", "GET /session/id/screenshot", "DELETE /session/id"]);
        let asked: Value = serde_json::from_str(&asked[0].1).unwrap();
        assert_eq!(asked, json!({ "capabilities": { "alwaysMatch": { "browserName": "x" } } }));
    }

    #[test]
    fn what_the_end_refuses_is_told_in_its_words() {
        let refusal = json!({ "error": "session not created", "message": "no such browser\nstack" });
        let (address, thread) = end(vec![("500 Internal Server Error", refusal)]);
        let error = Session::start(&address, &json!({})).err().unwrap();
        assert!(error.ends_with("session not created: no such browser"), "{error}");
        thread.join().unwrap();
    }
}

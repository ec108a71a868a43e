//! A server on loopback: the page, the program, the goldens; and the place where the page tells its results.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shell::Result;

/// Bytes that one report may have.
const MAX_REPORT: usize = 16 << 20;

/// A running server; it ends with the program.
pub(super) struct Server {
    address: String,
    events: Receiver<Value>,
}

struct Roots {
    page: PathBuf,
    package: PathBuf,
    goldens: PathBuf,
    conformance: PathBuf,
}

impl Server {
    /// Serves a page at `/`, a folder at `/pkg/`, the goldens, and the W3C's vectors.
    ///
    /// **Errors** no port.
    pub(super) fn start(page: PathBuf, package: PathBuf, goldens: PathBuf, conformance: PathBuf) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port on loopback: {error}"))?;
        let address = format!("http://{}/", listener.local_addr().map_err(|error| error.to_string())?);
        let (sender, events) = channel();
        let roots = Arc::new(Roots { page, package, goldens, conformance });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (roots, sender) = (Arc::clone(&roots), sender.clone());
                // A connection that breaks off is the browser's business.
                std::thread::spawn(move || _ = serve(stream, &roots, &sender));
            }
        });
        Ok(Self { address, events })
    }

    /// The page's address.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The next event that the page told.
    pub(super) fn event(&self, patience: Duration) -> Option<Value> {
        self.events.recv_timeout(patience).ok()
    }
}

fn serve(mut stream: TcpStream, roots: &Roots, events: &Sender<Value>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().unwrap_or(0),
            None => break,
            _ => {}
        }
    }
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, kind, body) = match method {
        "POST" if path == "/report" => {
            let mut bytes = vec![0; length.min(MAX_REPORT)];
            reader.read_exact(&mut bytes)?;
            // The receiver is there as long as the program is.
            let _ = events.send(serde_json::from_slice(&bytes).unwrap_or(Value::Null));
            ("204 No Content", "text/plain", Vec::new())
        }
        "GET" => match roots.file(path) {
            Some((kind, body)) => ("200 OK", kind, body),
            None => ("404 Not Found", "text/plain", Vec::new()),
        },
        _ => ("405 Method Not Allowed", "text/plain", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

impl Roots {
    fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        if path == "/goldens.json" {
            return Some(("application/json", list(&self.goldens).to_string().into_bytes()));
        }
        if path == "/conformance.json" {
            let files = names(&self.conformance);
            let operators: Vec<&str> = files.iter().filter_map(|file| file.strip_suffix(".json")).collect();
            return Some(("application/json", json!(operators).to_string().into_bytes()));
        }
        let file = match path {
            "/" => self.page.clone(),
            _ => {
                let folders = [("/pkg/", &self.package), ("/goldens/", &self.goldens), ("/conformance/", &self.conformance)];
                folders.into_iter().find_map(|(prefix, folder)| {
                    let rest = Path::new(path.strip_prefix(prefix)?);
                    rest.components().all(|part| matches!(part, Component::Normal(_))).then(|| folder.join(rest))
                })?
            }
        };
        let kind = match file.extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript",
            "wasm" => "application/wasm",
            "json" => "application/json",
            _ => "application/octet-stream",
        };
        Some((kind, std::fs::read(file).ok()?))
    }
}

/// Every file of every golden: `[{"family", "golden", "file"}, …]`.
fn list(goldens: &Path) -> Value {
    let mut files = Vec::new();
    for family in names(goldens) {
        for golden in names(&goldens.join(&family)) {
            let folder = goldens.join(&family).join(&golden);
            if folder.join("outputs.safetensors").exists() {
                files.extend(names(&folder).into_iter().map(|file| json!({ "family": family, "golden": golden, "file": file })));
            }
        }
    }
    files.into()
}

/// The names in a folder, sorted; none where it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

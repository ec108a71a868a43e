//! A server on loopback: a page, folders of files; and the place where the page tells its results.

use std::fs::File;
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
    folders: Vec<(&'static str, PathBuf)>,
}

impl Server {
    /// Serves a page at `/` and each folder under its prefix, as in `/pkg/`; the first that has a file gives it.
    ///
    /// **Errors** no port of this host.
    pub(super) fn start(host: &str, page: PathBuf, folders: Vec<(&'static str, PathBuf)>) -> Result<Self> {
        let listener = TcpListener::bind((host, 0)).map_err(|error| format!("no port of {host}: {error}"))?;
        let address = format!("http://{}/", listener.local_addr().map_err(|error| error.to_string())?);
        let (sender, events) = channel();
        let roots = Arc::new(Roots { page, folders });
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

    /// Serves until the program is stopped, and prints what pages tell.
    pub(super) fn serve_for_ever(&self, page: &str) -> Result {
        println!("serving {page}\nstop with ctrl-c");
        while let Ok(event) = self.events.recv() {
            println!("{event}");
        }
        Ok(())
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
    let (status, kind, mut body) = match method {
        "POST" if path == "/report" => {
            let mut bytes = vec![0; length.min(MAX_REPORT)];
            reader.read_exact(&mut bytes)?;
            // The receiver is there as long as the program is.
            let _ = events.send(serde_json::from_slice(&bytes).unwrap_or(Value::Null));
            ("204 No Content", "text/plain", Body::default())
        }
        "GET" => match roots.file(path) {
            Some((kind, body)) => ("200 OK", kind, body),
            None => ("404 Not Found", "text/plain", Body::default()),
        },
        _ => ("405 Method Not Allowed", "text/plain", Body::default()),
    };
    let length = body.length;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )?;
    std::io::copy(&mut body.bytes, &mut stream).map(drop)
}

/// What is sent; a checkpoint is not held in memory for it.
struct Body {
    length: u64,
    bytes: Box<dyn Read>,
}

impl Default for Body {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Body {
    fn of(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, bytes: Box::new(std::io::Cursor::new(bytes)) }
    }

    fn file(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        metadata.is_file().then(|| Self { length: metadata.len(), bytes: Box::new(file) })
    }
}

impl Roots {
    fn file(&self, path: &str) -> Option<(&'static str, Body)> {
        let text = |text: String| Some(("application/json", Body::of(text.into_bytes())));
        match path {
            "/" => return Self::open(&self.page),
            "/goldens.json" => return text(list(self.folder("/goldens/")?).to_string()),
            "/shaders.json" => return text(json!(names(self.folder("/shaders/")?)).to_string()),
            "/conformance.json" => {
                let files = names(self.folder("/conformance/")?);
                let operators: Vec<&str> = files.iter().filter_map(|file| file.strip_suffix(".json")).collect();
                return text(json!(operators).to_string());
            }
            _ => {}
        }
        self.folders.iter().find_map(|(prefix, folder)| {
            let rest = Path::new(path.strip_prefix(prefix)?);
            rest.components().all(|part| matches!(part, Component::Normal(_))).then(|| Self::open(&folder.join(rest)))?
        })
    }

    fn folder(&self, prefix: &str) -> Option<&Path> {
        self.folders.iter().find(|(known, _)| *known == prefix).map(|(_, folder)| folder.as_path())
    }

    fn open(file: &Path) -> Option<(&'static str, Body)> {
        let kind = match file.extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "js" | "mjs" => "text/javascript",
            "wasm" => "application/wasm",
            "json" => "application/json",
            _ => "application/octet-stream",
        };
        Some((kind, Body::file(file)?))
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

//! The Chrome DevTools protocol over its debugging pipe: JSON objects that a NUL ends, on the file descriptors 3 and 4. No port is opened, and
//! no WebSocket is needed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shell::Result;

/// Time that the browser has for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser and the pipe to it; it ends with this.
pub(super) struct Connection {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    calls: u64,
    closed: bool,
}

impl Connection {
    /// Starts the program with the pipe at its descriptors.
    ///
    /// **Errors** a program that cannot be started.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        // The shell puts our two pipes where the browser looks for them, and becomes the browser.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#]).arg(program).args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let input = child.stdin.take().ok_or("no pipe to the browser")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no pipe from the browser")?);
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                bytes.pop();
                if serde_json::from_slice(&bytes).is_ok_and(|message| sender.send(message).is_err()) {
                    break;
                }
                bytes.clear();
            }
        });
        Ok(Self { child, input, messages, events: VecDeque::new(), calls: 0, closed: false })
    }

    /// Calls a method and waits for its result; events that come meanwhile are kept.
    ///
    /// **Errors** what the browser says, or that it says nothing.
    pub(super) fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let sent = self.input.write_all(format!("{message}\0").as_bytes()).and_then(|()| self.input.flush());
        sent.map_err(|error| format!("{method}: the browser ended: {error}"))?;
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(mut message) = self.receive(left) else {
                return Err(format!("{method}: the browser {}", if self.closed { "ended" } else { "says nothing" }));
            };
            if message["id"] != self.calls {
                self.events.push_back(message);
            } else if let Some(error) = message.get("error") {
                return Err(format!("{method}: {error}"));
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// The next event.
    pub(super) fn event(&mut self, patience: Duration) -> Option<Value> {
        self.events.pop_front().or_else(|| self.receive(patience))
    }

    /// True where the browser has closed the pipe.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn receive(&mut self, patience: Duration) -> Option<Value> {
        match self.messages.recv_timeout(patience) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.closed = true;
                None
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Asked to close, the browser ends its own processes; what is left of it is ended here.
        let _ = self.input.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

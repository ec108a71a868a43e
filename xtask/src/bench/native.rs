//! The native sides: programs that print one object when they have started, and one for every line that they are given.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::measure::Measurement;
use super::{Case, Peer};
use crate::shell::{Result, cargo, command, root, run as run_command};

/// Our name in results.
const OURS: &str = "ipfs-accelerate";

/// Measures a case in this machine's own processes.
///
/// **Errors** a build that fails.
pub(super) fn measure(case: &Case<'_>) -> Result<Measurement> {
    run_command(cargo(&["build", "--release", "--quiet", "--package", "ipfs-accelerate-bench"]))?;
    let mut measurement = Measurement::default();
    let mut programs = Vec::new();
    let commands = std::iter::once((OURS, ours(case))).chain(case.peers.iter().map(|peer| (peer.name(), peer_command(case, *peer))));
    for (engine, command) in commands {
        let started = command.and_then(Program::start).and_then(|mut program| {
            let event = program.event()?;
            Ok((program, event))
        });
        match started {
            Ok((program, event)) => {
                measurement.take(engine, &event);
                if event["event"] == "start" {
                    programs.push((engine, program));
                }
            }
            Err(reason) => _ = measurement.take(engine, &json!({ "event": "failed", "reason": reason })),
        }
    }
    let until = Instant::now() + Duration::from_secs(case.arguments.seconds);
    for turn in 0..case.arguments.turns {
        let sides = programs.len() as u32;
        let left = (case.arguments.turns - turn) as u32;
        // Whoever went first goes last in the next turn.
        programs.reverse();
        for (engine, program) in programs.iter_mut().rev() {
            let share = Instant::now() + until.saturating_duration_since(Instant::now()) / left / sides;
            for run in 0..case.arguments.runs {
                if run > 0 && Instant::now() >= share {
                    break;
                }
                let event = program.run().unwrap_or_else(|reason| json!({ "event": "failed", "reason": reason }));
                measurement.take(engine, &event);
                if event["event"] != "run" {
                    break;
                }
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok(measurement)
}

fn ours(case: &Case<'_>) -> Result<Command> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let program = root().join(target).join("release/ipfs-accelerate-bench");
    let mut ours = command(&program.to_string_lossy(), &[case.family]);
    ours.arg(case.reference.checkpoint()).arg("--reference").arg(case.reference.folder());
    ours.args(["--platform", case.platform, "--tolerance", &case.arguments.tolerance.to_string()]);
    if let Some(threads) = case.arguments.threads {
        ours.args(["--threads", &threads.to_string()]);
    }
    // Mesa's layer that sorts devices complains where there is no display.
    ours.env("NODEVICE_SELECT", "1");
    Ok(ours)
}

fn peer_command(case: &Case<'_>, peer: Peer) -> Result<Command> {
    let python = root().join(&case.arguments.venv).join("bin/python");
    if !python.exists() {
        return Err(format!("{} is not there; `cargo xtask goldens` makes the virtual environment", python.display()));
    }
    let mut command = command(&python.to_string_lossy(), &["bench/peers/native.py", "--engine", peer.name()]);
    command.arg("--checkpoint").arg(case.reference.checkpoint()).arg("--reference").arg(case.reference.folder());
    command.args(["--tolerance", &case.arguments.tolerance.to_string()]);
    if let Some(threads) = case.arguments.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    Ok(command)
}

/// A side that waits for its next line.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| format!("{name}: {error}"))?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, input, output })
    }

    fn run(&mut self) -> Result<Value> {
        self.input.write_all(b"\n").and_then(|()| self.input.flush()).map_err(|error| error.to_string())?;
        self.event()
    }

    /// The next line that is an object.
    fn event(&mut self) -> Result<Value> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(format!("it ended without a word ({status})"));
            }
            match serde_json::from_str::<Value>(&line) {
                Ok(event) if event.get("event").is_some() => return Ok(event),
                _ => print!("{line}"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It ends by itself when its input does; one that hangs is ended here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

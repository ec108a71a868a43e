//! Starting other programs, from the root of the repository.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What went wrong, for people.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A program to be run at the root.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// cargo, the one that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), arguments);
    // Mesa's layer that sorts devices looks for a display and complains on standard error where there is none.
    cargo.env("NODEVICE_SELECT", "1");
    cargo
}

/// Runs to the end; an exit code other than 0 is an error that names the command.
pub(crate) fn run(mut command: Command) -> Result {
    println!("$ {}", text(&command));
    let status = command.status().map_err(|error| format!("{}: {error}", text(&command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", text(&command))) }
}

/// Runs to the end, prints every line as it comes and gives it to `line`; true where the exit code was 0.
pub(crate) fn run_reading(mut command: Command, mut line: impl FnMut(&str)) -> Result<bool> {
    println!("$ {}", text(&command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{}: {error}", text(&command)))?;
    let output = child.stdout.take().ok_or("no standard output")?;
    for text in BufReader::new(output).lines() {
        let text = text.map_err(|error| error.to_string())?;
        println!("{text}");
        line(&text);
    }
    Ok(child.wait().map_err(|error| error.to_string())?.success())
}

/// Runs to the end in silence; true where the program is there and its exit code was 0.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn text(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

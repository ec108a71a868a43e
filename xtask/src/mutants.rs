//! Breaks the code in known ways, one at a time, in a copy of the repository, and sees that a test turns red for each.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use crate::shell::{Result, cargo, command, root, run as run_command};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only those whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// Copy and build in this folder; kept between runs.
    #[arg(long, default_value = "target/mutants")]
    folder: PathBuf,
    /// Write the table here too, as Markdown.
    #[arg(long)]
    table: Option<PathBuf>,
}

/// One defect: in `file`, the only `find` becomes `replace`; or the byte at `flip` is inverted.
#[derive(Deserialize)]
struct Mutant {
    name: String,
    file: String,
    #[serde(default)]
    find: String,
    #[serde(default)]
    replace: String,
    flip: Option<i64>,
    /// Arguments of `cargo test` that are expected to turn red.
    test: String,
}

/// **Errors** a mutant that no test notices, that does not build, or whose text is not there once.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let text = std::fs::read_to_string(root().join("xtask/mutants.json")).map_err(|error| error.to_string())?;
    let mutants: Vec<Mutant> = serde_json::from_str(&text).map_err(|error| format!("xtask/mutants.json: {error}"))?;
    let folder = root().join(&arguments.folder);
    let copy = folder.join("tree");
    std::fs::create_dir_all(&copy).map_err(|error| error.to_string())?;
    let files = "set -e; git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -u -t \"$0\"";
    run_command(command("sh", &["-c", files, &copy.to_string_lossy()]))?;
    let mut rows = Vec::new();
    for mutant in mutants.iter().filter(|mutant| arguments.only.as_ref().is_none_or(|only| mutant.name.contains(only))) {
        let verdict = try_mutant(&copy, &folder.join("target"), mutant)?;
        println!("{:<10} {}", verdict.0, mutant.name);
        rows.push((mutant, verdict));
    }
    let caught = rows.iter().filter(|(_, (verdict, _))| *verdict == "red").count();
    println!("\n{caught} of {} defects turn a test red", rows.len());
    if let Some(path) = &arguments.table {
        let lines: String =
            rows.iter().map(|(mutant, (verdict, by))| format!("| {} | `{}` | {verdict} | {by} |\n", mutant.name, mutant.file)).collect();
        let table = format!(
            "{caught} of {} defects turn a test red.\n\n| defect | file | verdict | first test that failed |\n|---|---|---|---|\n{lines}",
            rows.len()
        );
        std::fs::write(root().join(path), table).map_err(|error| error.to_string())?;
    }
    if caught == rows.len() { Ok(()) } else { Err("a defect went unnoticed".into()) }
}

fn try_mutant(copy: &Path, target: &Path, mutant: &Mutant) -> Result<(&'static str, String)> {
    let path = copy.join(&mutant.file);
    let whole = std::fs::read(&path).map_err(|error| format!("{}: {error}", mutant.file))?;
    std::fs::write(&path, mutated(mutant, &whole)?).map_err(|error| error.to_string())?;
    // Each defect compiles once and runs briefly: no optimisation.
    let mut test = cargo(&["test", "--quiet", "--config", "profile.dev.package.ipfs-accelerate-runtime.opt-level=0"]);
    test.args(mutant.test.split_whitespace())
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("RUST_BACKTRACE", "0");
    let output = test.stderr(Stdio::piped()).output().map_err(|error| error.to_string());
    std::fs::write(&path, whole).map_err(|error| error.to_string())?;
    let output = output?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(("unnoticed", String::new()));
    }
    if text.contains("error: could not compile") {
        return Ok(("no build", String::new()));
    }
    let failed = text.lines().skip_while(|line| !line.starts_with("failures:")).find_map(|line| line.strip_prefix("---- "));
    Ok(("red", failed.map_or_else(String::new, |line| line.trim_end_matches(" ----").to_owned())))
}

fn mutated(mutant: &Mutant, whole: &[u8]) -> Result<Vec<u8>> {
    if let Some(flip) = mutant.flip {
        let mut bytes = whole.to_vec();
        let index = if flip < 0 { bytes.len() as i64 + flip } else { flip } as usize;
        *bytes.get_mut(index).ok_or_else(|| format!("{}: no byte {flip}", mutant.file))? ^= 0xff;
        return Ok(bytes);
    }
    let text = String::from_utf8(whole.to_vec()).map_err(|error| error.to_string())?;
    match text.matches(&mutant.find).count() {
        1 => Ok(text.replace(&mutant.find, &mutant.replace).into_bytes()),
        count => Err(format!("{}: {}: the text stands there {count} times, not once", mutant.name, mutant.file)),
    }
}

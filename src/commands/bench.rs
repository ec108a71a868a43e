//! `gen bench`: checks the names, then starts the repository's benchmark (`cargo xtask bench`), which links the devices that `gen` does not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::select::{Selection, select};
use super::{Console, Done, Workshop};
use crate::cli::Bench;
use crate::diagnostics::{Code, Diagnostics};
use crate::sources::Sources;

/// Where results go if nothing is said, from the repository's root.
const OUTPUT: &str = "target/bench";

pub(super) fn run(arguments: &Bench, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let workshop = Workshop::open(sources)?;
    let selection = select(&arguments.names, &workshop)?;
    // A model that does not check, or that a platform cannot compute, is said at its line, before anything is built.
    workshop.checked(&selection.models, &selection.platforms)?;
    let root = repository(sources)?;
    let output = arguments.output.as_deref().map_or_else(|| root.join(OUTPUT), absolute);
    let results = output.join("results.jsonl");
    // What an earlier run left is no result of this one.
    let _ = std::fs::remove_file(&results);
    let mut bench = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    bench.args(["run", "--quiet", "--package", "xtask", "--", "bench"]).args(options(arguments, &selection)).arg("--output").arg(&output);
    bench.current_dir(&root);
    if console.is_json() {
        bench.stdout(Stdio::from(std::io::stderr()));
    } else if console.is_quiet() {
        bench.stdout(Stdio::null());
    }
    let status = bench.status().map_err(|error| wrong(format!("cargo cannot be started: {error}"), "install Rust, or set CARGO"))?;
    if console.is_json() {
        let text = std::fs::read_to_string(&results).unwrap_or_default();
        let rows: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let count = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
        let (measured, skipped, failed) = (count("measured"), count("skipped"), count("failed"));
        console.print_json(&json!({ "results": rows, "measured": measured, "skipped": skipped, "failed": failed }));
    }
    Ok(if status.success() { Done::Clean } else { Done::Findings })
}

/// The clone that the specs lie in: the benchmark's programs are part of it.
fn repository(sources: &Sources) -> Result<PathBuf, Diagnostics> {
    let place = sources.root().map_or_else(|| "the program's own copy of the specs".to_owned(), |root| format!("`{}`", root.display()));
    let found = sources.root().filter(|root| root.join("xtask/Cargo.toml").is_file()).map(absolute);
    found.ok_or_else(|| {
        wrong(
            format!("the benchmark's programs are built from the repository, which is not around {place}"),
            "run it in a clone, or name one with `--specs`",
        )
    })
}

fn wrong(message: String, help: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.add(Code::WrongUse, None, message, help.to_owned());
    diagnostics
}

/// From this working directory: the benchmark runs in the repository's root.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The options that were given; the others' defaults are the benchmark's own.
fn options(arguments: &Bench, selection: &Selection) -> Vec<String> {
    let mut options = vec!["--models".to_owned(), selection.models.join(","), "--platforms".to_owned(), selection.platforms.join(",")];
    let mut add = |name: &str, value: Option<String>| options.extend(value.into_iter().flat_map(|value| [format!("--{name}"), value]));
    let path = |path: &Option<PathBuf>| path.as_deref().map(|path| absolute(path).to_string_lossy().into_owned());
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    add("against", list(&arguments.against));
    add("runs-on", list(&arguments.runs_on));
    add("checkpoint", path(&arguments.checkpoint));
    add("batch", number(arguments.batch));
    add("sequence", number(arguments.sequence));
    add("new-tokens", number(arguments.new_tokens));
    add("turns", number(arguments.turns));
    add("runs", number(arguments.runs));
    add("seconds", number(arguments.seconds));
    add("threads", number(arguments.threads));
    add("tolerance", arguments.tolerance.map(|tolerance| tolerance.to_string()));
    let named = arguments.browser.as_deref().filter(|browser| *browser == Path::new("chromium"));
    add("browser", named.map(|name| name.to_string_lossy().into_owned()).or_else(|| path(&arguments.browser)));
    add("venv", path(&arguments.venv));
    options
}

/// Names with commas; nothing where none was given.
fn list<T: ValueEnum>(values: &[T]) -> Option<String> {
    let names: Vec<String> = values.iter().filter_map(ValueEnum::to_possible_value).map(|value| value.get_name().to_owned()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn given(words: &str) -> Vec<String> {
        let Command::Bench(arguments) = Cli::parse_from(["gen", "bench"].into_iter().chain(words.split(' '))).command else { panic!() };
        let selection = Selection {
            models: vec!["m".into()],
            platforms: vec!["webnn".into(), "cpu".into()],
            every_model: false,
            every_platform: false,
        };
        options(&arguments, &selection)
    }

    #[test]
    fn what_was_not_given_is_not_passed_on() {
        assert_eq!(given("--model m"), ["--models", "m", "--platforms", "webnn,cpu"]);
    }

    #[test]
    fn what_was_given_is_passed_on() {
        let words = "--models m --against onnxruntime-web,pytorch --runs-on browser --batch 2 --sequence 7 --new-tokens 3 --turns 1 --runs 4 --seconds 5 \
                     --threads 2 --tolerance 0.5 --browser chromium";
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = words.replacen("--models m", "--models m --platforms webnn,cpu", 1);
        assert_eq!(given(&words).join(" "), expected);
        let folder = std::env::current_dir().unwrap().join("x");
        assert_eq!(given("--model m --checkpoint x")[4..], ["--checkpoint".to_owned(), folder.to_string_lossy().into_owned()]);
    }
}

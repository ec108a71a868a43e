//! Runs `gen` in a folder of its own.

#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run printed and how it ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A folder that is gone after the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lays another folder over this one.
    pub fn copy(&self, from: &Path) {
        copy(from, self.path());
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let place = self.path().join(path);
        fs::create_dir_all(place.parent().expect("a folder")).expect("folders");
        fs::write(&place, text).expect("a file");
        place
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs `gen` with words split at blanks, in this folder.
    pub fn run(&self, words: &str) -> Run {
        self.run_in("", words)
    }

    /// Runs `gen` in a folder below.
    pub fn run_in(&self, below: &str, words: &str) -> Run {
        let output = command().args(words.split_whitespace()).current_dir(self.path().join(below)).output().expect("gen runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Every file below, by its path, with its text.
    pub fn files(&self, below: &str) -> Vec<(String, String)> {
        let folder = self.path().join(below);
        let mut files: Vec<_> = walkdir::WalkDir::new(&folder)
            .into_iter()
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                (entry.path().strip_prefix(&folder).expect("below").display().to_string(), fs::read_to_string(entry.path()).expect("text"))
            })
            .collect();
        files.sort();
        files
    }
}

/// `gen`, without what the caller's environment says about colours.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gen"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("COLUMNS", "100");
    command
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

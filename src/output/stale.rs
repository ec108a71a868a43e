//! Files that an earlier run wrote and this one would not.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use super::Files;
use crate::header::Header;

/// What a command answers for: files outside it are not its business.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Verbs whose files it writes; all where there is none.
    pub verbs: Vec<&'static str>,
    /// Models it names; all where there is none.
    pub models: Vec<String>,
    /// Platforms it names; all where there is none.
    pub platforms: Vec<String>,
    /// Whether it writes modules across platforms or for one each; both where this is none.
    pub cross_platform: Option<bool>,
}

impl Scope {
    fn holds(&self, header: &Header) -> bool {
        let within =
            |names: &[String], found: Vec<&str>| names.is_empty() || found.iter().all(|name| names.iter().any(|known| known == name));
        let verb = self.verbs.is_empty() || self.verbs.contains(&header.verb());
        let kind = self.cross_platform.is_none_or(|cross| cross == header.flag("--cross-platform"));
        verb && kind && within(&self.models, header.option("--model")) && within(&self.platforms, header.option("--platform"))
    }
}

/// Paths below `folder`, sorted, of files with our header that are in the scope and not in `files`.
pub fn stale(folder: &Path, files: &Files, scope: &Scope) -> Vec<String> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.') || name == "target";
    let mut stale: Vec<String> = WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name()))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|entry| {
            let below = entry.path().strip_prefix(folder).ok()?;
            let path = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            let written_before = !files.contains_key(&path)
                && Header::parse(&fs::read_to_string(entry.path()).ok()?).is_some_and(|header| scope.holds(&header));
            written_before.then_some(path)
        })
        .collect();
    stale.sort();
    stale
}

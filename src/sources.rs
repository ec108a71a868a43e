//! The only reader of `model_specs/` and `templates/`: a folder on disk, else the copy inside the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Code, Diagnostics, SourceText};

/// Bytes that one file may have; the YAML reader's own bound is tighter.
const MAX_BYTES: u64 = 4 << 20;
/// Files that the two folders may have.
const MAX_FILES: usize = 2_000;
const FOLDERS: [&str; 2] = ["model_specs", "templates"];
const ENDINGS: [&str; 4] = ["yaml", "rs", "toml", "md"];

static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Every file of `model_specs/` and `templates/`, by its path from the root, in the order of the paths.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: BTreeMap<String, Arc<SourceText>>,
    root: Option<PathBuf>,
}

impl Sources {
    /// Reads the folder that holds `model_specs/`: the one given, else the nearest above the working directory, else the
    /// program's own copy. Templates come from the folder where it has them.
    ///
    /// **Errors** a folder without `model_specs/`, files that cannot be read, that are too large or that are not UTF-8.
    pub fn load(root: Option<&Path>) -> Result<Self, Diagnostics> {
        let found = match root {
            Some(root) => Some(root.to_owned()),
            None => std::env::current_dir()
                .ok()
                .and_then(|folder| folder.ancestors().find(|folder| folder.join("model_specs/models").is_dir()).map(Path::to_owned)),
        };
        let Some(root) = found else { return Ok(Self::embedded()) };
        let mut diagnostics = Diagnostics::default();
        let mut sources = Self { files: BTreeMap::new(), root: Some(root.clone()) };
        if !root.join("model_specs").is_dir() {
            diagnostics.add(
                Code::Unreadable,
                None,
                format!("`{}` has no folder `model_specs`", root.display()),
                "name the folder that holds `model_specs/`".to_owned(),
            );
            return Err(diagnostics);
        }
        for folder in FOLDERS.into_iter().filter(|folder| root.join(folder).is_dir()) {
            sources.read_folder(&root.join(folder), folder, &mut diagnostics);
        }
        if !root.join("templates").is_dir() {
            sources.files.extend(Self::embedded().files.into_iter().filter(|(name, _)| name.starts_with("templates/")));
        }
        if diagnostics.is_empty() { Ok(sources) } else { Err(diagnostics) }
    }

    /// The program's own copy.
    pub fn embedded() -> Self {
        Self::from_files(EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
    }

    /// These files, by path and text.
    pub fn from_files(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(name, text)| (name.clone(), Arc::new(SourceText { name, text }))).collect();
        Self { files, root: None }
    }

    /// The same sources with one file added or replaced.
    #[must_use]
    pub fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.insert(name.to_owned(), Arc::new(SourceText { name: name.to_owned(), text: text.into() }));
        self
    }

    /// The folder they were read from; none for the program's own copy.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// One file by its path from the root, with forward slashes.
    pub fn file(&self, name: &str) -> Option<&Arc<SourceText>> {
        self.files.get(name)
    }

    /// The files directly in `folder` that end in `.yaml`, with their names less that ending, in order.
    pub fn specs<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Arc<SourceText>)> {
        self.files.iter().filter_map(move |(name, source)| {
            let stem = name.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".yaml")?;
            (!stem.contains('/')).then_some((stem, source))
        })
    }

    /// Paths of the templates, in order.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| name.starts_with("templates/"))
    }

    fn read_folder(&mut self, folder: &Path, name: &str, diagnostics: &mut Diagnostics) {
        for entry in walkdir::WalkDir::new(folder).max_depth(4).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    diagnostics.add(Code::Unreadable, None, format!("{name}: {error}"), None);
                    continue;
                }
            };
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !path.is_file() || hidden || !ENDINGS.contains(&ending) {
                continue;
            }
            let below = path.strip_prefix(folder).unwrap_or(path);
            let name = below.components().fold(name.to_owned(), |name, part| format!("{name}/{}", part.as_os_str().to_string_lossy()));
            if self.files.len() >= MAX_FILES {
                diagnostics.add(Code::TooLarge, None, format!("at most {MAX_FILES} files are read, `{name}` is one more"), None);
                return;
            }
            match read(path) {
                Ok(text) => {
                    self.files.insert(name.clone(), Arc::new(SourceText { name, text }));
                }
                Err((code, reason)) => diagnostics.add(code, None, format!("`{name}`: {reason}"), None),
            }
        }
    }
}

fn read(path: &Path) -> Result<String, (Code, String)> {
    let unreadable = |error: std::io::Error| (Code::Unreadable, error.to_string());
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err((Code::TooLarge, format!("at most {MAX_BYTES} bytes, found {length}")));
    }
    String::from_utf8(fs::read(path).map_err(unreadable)?).map_err(|error| (Code::Unreadable, format!("not UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_those_directly_in_the_folder() {
        let sources = Sources::from_files(["a/b.yaml", "a/c/d.yaml", "a/e.md", "ab/f.yaml"].map(|name| (name.to_owned(), String::new())));
        assert_eq!(sources.specs("a").map(|(stem, _)| stem).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn the_embedded_copy_equals_the_folder() {
        let folder = Sources::load(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap();
        assert_eq!(folder.files, Sources::embedded().files);
    }

    #[test]
    fn a_folder_without_specs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Sources::load(Some(folder.path())).unwrap_err().into_sorted()[0].code, Code::Unreadable);
    }
}

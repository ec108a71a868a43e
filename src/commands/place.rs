//! Where a command's files go: the generated crate, a folder, or one file.

use std::path::{Path, PathBuf};

use crate::diagnostics::{Code, Diagnostics};
use crate::sources::Sources;

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A crate with `src/` and `tests/`.
    Crate(PathBuf),
    /// A folder with a file for each platform.
    Folder(PathBuf),
    /// One file in a folder.
    File(PathBuf, String),
}

impl Place {
    /// `--output`, else `generated/` beside `model_specs/`.
    pub(super) fn new(output: Option<&Path>, sources: &Sources) -> Result<Place, Diagnostics> {
        let Some(output) = output else { return Ok(Place::Crate(generated(sources))) };
        let is_file = output.extension().is_some_and(|ending| ending == "rs") && !output.is_dir();
        if !is_file {
            return Ok(Place::Folder(output.to_owned()));
        }
        let Some(name) = output.file_name().and_then(|name| name.to_str()) else {
            let mut diagnostics = Diagnostics::default();
            diagnostics.add(Code::WrongUse, None, format!("`{}` is no name of a file", output.display()), None);
            return Err(diagnostics);
        };
        let folder = output.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Ok(Place::File(folder.to_owned(), name.to_owned()))
    }

    /// The folder that the paths of the files start from.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Place::Crate(folder) | Place::Folder(folder) | Place::File(folder, _) => folder,
        }
    }
}

/// The generated crate of these specs.
pub(super) fn generated(sources: &Sources) -> PathBuf {
    sources.root().unwrap_or(Path::new("")).join("generated")
}

/// How a path below a folder is shown.
pub(super) fn shown(folder: &Path, path: &str) -> String {
    let whole = folder.join(path);
    let here = std::env::current_dir().unwrap_or_default();
    whole.strip_prefix(&here).unwrap_or(&whole).display().to_string()
}

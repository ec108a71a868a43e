//! The only writer: a map of files goes to disk, or is compared with it, or is only listed.

mod diff;
mod place;
mod stale;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostics::{Code, Diagnostics};

pub use diff::unified;
pub use stale::{Scope, stale};

/// Texts by their path below a folder, with forward slashes.
pub type Files = BTreeMap<String, String>;

/// A file on disk that is not the text it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path below the folder.
    pub path: String,
    /// What is there; none where nothing is.
    pub before: Option<String>,
    /// What should be.
    pub after: String,
}

/// Compares `files` with those in `folder`, in the order of their paths; nothing is written.
///
/// **Errors** [`Code::PathLeaves`] for each path that leads out of `folder`; [`Code::Unwritable`] where something else stands there.
pub fn changes(folder: &Path, files: &Files) -> Result<Vec<Change>, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let mut changes = Vec::new();
    for (path, after) in files {
        match place::below(folder, path).and_then(|place| existing(&place)) {
            Ok(Some(before)) if before == *after => {}
            Ok(before) => changes.push(Change { path: path.clone(), before, after: after.clone() }),
            Err(refused) => refused.report(&mut diagnostics),
        }
    }
    if diagnostics.is_empty() { Ok(changes) } else { Err(diagnostics) }
}

/// Writes what [`changes`] found: each file whole or not at all, others untouched.
///
/// **Errors** as [`changes`], and [`Code::Unwritable`].
pub fn write(folder: &Path, changes: &[Change]) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    for change in changes {
        let written = place::below(folder, &change.path).and_then(|place| {
            replace(&place, &change.after)
                .map_err(|error| Refused { code: Code::Unwritable, message: format!("`{}`: {error}", place.display()) })
        });
        if let Err(refused) = written {
            refused.report(&mut diagnostics);
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

struct Refused {
    code: Code,
    message: String,
}

impl Refused {
    fn report(self, diagnostics: &mut Diagnostics) {
        let help = match self.code {
            Code::PathLeaves => "choose the folder with `--output`; nothing is written outside it",
            _ => "nothing was written there; see that the folder is yours to write and the place is no folder",
        };
        diagnostics.add(self.code, None, self.message, help.to_owned());
    }
}

fn existing(place: &Path) -> Result<Option<String>, Refused> {
    match fs::read(place) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refused { code: Code::Unwritable, message: format!("`{}`: {error}", place.display()) }),
    }
}

/// A new file beside the old one takes its name: a reader sees the old text or the new one, never half of it.
fn replace(place: &Path, text: &str) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside: PathBuf = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, place));
    if written.is_err() {
        // The error that matters is the first; a file that was never made cannot be removed.
        let _ = fs::remove_file(&beside);
    }
    written
}

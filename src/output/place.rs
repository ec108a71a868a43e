//! Whether a path stays below its folder, by its words and on disk.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Refused;
use crate::diagnostics::Code;

/// The place of `path` below `folder`.
pub(super) fn below(folder: &Path, path: &str) -> Result<PathBuf, Refused> {
    let leaves = |reason: String| Refused { code: Code::PathLeaves, message: format!("`{path}` leaves the output folder: {reason}") };
    if path.is_empty() || path.contains('\\') || path.contains('\0') {
        return Err(leaves("it is not a path with forward slashes".into()));
    }
    let mut place = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::ParentDir => return Err(leaves("`..` leads upward".into())),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => return Err(leaves("it must start below the folder".into())),
        }
        if fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
            return Err(leaves(format!("`{}` is a symbolic link", place.display())));
        }
    }
    Ok(place)
}

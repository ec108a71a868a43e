//! Bytes of a file, mapped into memory where the system can, so that opening a checkpoint costs nothing.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// Maps a file for reading.
///
/// **Errors** [`Error::Io`] where the file cannot be opened or mapped.
pub(super) fn map(path: &Path) -> Result<memmap2::Mmap> {
    let io = |source| Error::Io { path: path.display().to_string(), source };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the mapping is read-only and private to this process. Another process that shortens the file while it is
    // mapped can still end this one; so can it with every program that maps model files, and HF's own loader.
    unsafe { memmap2::Mmap::map(&file) }.map_err(io)
}

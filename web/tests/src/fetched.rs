//! Goldens that the page fetched.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ipfs_accelerate_runtime::testing::{Golden, Outcome};

/// Files of a golden by name.
type Files = BTreeMap<String, Vec<u8>>;

thread_local! {
    static FILES: RefCell<BTreeMap<(String, String), Files>> = RefCell::default();
    static GOLDENS: RefCell<BTreeMap<String, Vec<Golden>>> = RefCell::default();
}

pub(crate) fn add(family: &str, golden: &str, file: &str, bytes: Vec<u8>) {
    FILES.with(|files| files.borrow_mut().entry((family.to_owned(), golden.to_owned())).or_default().insert(file.to_owned(), bytes));
}

/// The goldens of a family, by name; read once.
pub(crate) fn goldens(family: &str) -> Result<Vec<Golden>, Outcome> {
    if let Some(goldens) = GOLDENS.with(|goldens| goldens.borrow().get(family).cloned()) {
        return Ok(goldens);
    }
    let files: Vec<(String, Files)> = FILES.with(|files| {
        let own = |((of, golden), files): (&(String, String), &Files)| (of == family).then(|| (golden.clone(), files.clone()));
        files.borrow().iter().filter_map(own).collect()
    });
    let goldens = files.into_iter().map(|(name, files)| Golden::from_files(&name, files)).collect::<Result<Vec<_>, _>>()?;
    GOLDENS.with(|known| known.borrow_mut().insert(family.to_owned(), goldens.clone()));
    Ok(goldens)
}

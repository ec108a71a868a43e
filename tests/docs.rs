//! Pages that are made from tables are what the tables say. A page that is not is written again, and the test fails once.

use std::fs;

#[test]
fn errors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let now = codegen::diagnostics::reference();
    if fs::read_to_string(path).unwrap_or_default() != now {
        fs::write(path, now).unwrap();
        panic!("docs/errors.md was out of date and has been written again");
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let mut ids: Vec<_> = codegen::diagnostics::Code::ALL.iter().map(|code| code.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), codegen::diagnostics::Code::ALL.len());
    for code in codegen::diagnostics::Code::ALL {
        assert!(codegen::diagnostics::explanation(*code).len() > 20 && !code.title().is_empty(), "{}", code.id());
    }
}

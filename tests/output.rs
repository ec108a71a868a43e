//! The writer: equal files untouched, whole files or none, nothing outside the folder, what is left over named.

mod common;

use std::fs;
use std::time::{Duration, SystemTime};

use codegen::diagnostics::Code;
use codegen::header::Header;
use codegen::output::{self, Files, Scope};
use common::Folder;

fn files(pairs: &[(&str, &str)]) -> Files {
    pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn header(command: &str) -> String {
    let header = Header { command: command.into(), source: "model_specs/models/tiny.yaml".into(), hash: "0".repeat(64) };
    format!("{header}\nfn main() {{}}\n")
}

#[test]
fn equal_files_keep_their_times() {
    let folder = Folder::new();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in ["same.rs", "other.rs"] {
        let place = folder.write(name, "1\n");
        fs::File::options().write(true).open(place).unwrap().set_modified(old).unwrap();
    }
    let changes = output::changes(folder.path(), &files(&[("same.rs", "1\n"), ("other.rs", "2\n"), ("a/b/new.rs", "3\n")])).unwrap();
    let paths: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.before.as_deref())).collect();
    assert_eq!(paths, [("a/b/new.rs", None), ("other.rs", Some("1\n"))]);
    output::write(folder.path(), &changes).unwrap();
    assert_eq!(
        folder.files(""),
        [("a/b/new.rs".into(), "3\n".into()), ("other.rs".into(), "2\n".into()), ("same.rs".into(), "1\n".into())]
    );
    let modified = |name: &str| fs::metadata(folder.path().join(name)).unwrap().modified().unwrap();
    assert_eq!(modified("same.rs"), old);
    assert!(modified("other.rs") > old);
}

#[cfg(unix)]
#[test]
fn a_file_is_replaced_not_overwritten() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let place = folder.write("a.rs", "old\n");
    let open = fs::File::open(&place).unwrap();
    let before = fs::metadata(&place).unwrap();
    let changes = output::changes(folder.path(), &files(&[("a.rs", "new\n")])).unwrap();
    output::write(folder.path(), &changes).unwrap();
    let after = fs::metadata(&place).unwrap();
    assert_ne!(before.ino(), after.ino(), "a reader of the old file must keep it whole");
    assert_eq!(std::io::read_to_string(open).unwrap(), "old\n");
    assert_eq!(folder.files("").len(), 1, "no temporary file is left");
    assert_eq!(after.mode() & 0o777, before.mode() & 0o777);
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path().join("taken.rs/inside")).unwrap();
    let refused = output::changes(folder.path(), &files(&[("taken.rs", "1\n")])).unwrap_err().into_sorted();
    assert_eq!(refused[0].code, Code::Unwritable);
    assert!(folder.files("").is_empty());
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let folder = Folder::new();
    let outside = folder.path().join("out");
    fs::create_dir(&outside).unwrap();
    for path in ["../evil.rs", "a/../../evil.rs", "/tmp/evil.rs", "", "a\\b.rs", "./../evil.rs", "a/./../../b.rs"] {
        let refused = output::changes(&outside, &files(&[(path, "1\n")])).unwrap_err().into_sorted();
        assert_eq!(refused[0].code, Code::PathLeaves, "{path}");
    }
    assert!(folder.files("").is_empty());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let folder = Folder::new();
    folder.write("elsewhere/a.rs", "mine\n");
    fs::create_dir(folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), folder.path().join("out/src")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere/a.rs"), folder.path().join("out/a.rs")).unwrap();
    for path in ["src/a.rs", "a.rs"] {
        let refused = output::changes(&folder.path().join("out"), &files(&[(path, "theirs\n")])).unwrap_err().into_sorted();
        assert_eq!(refused[0].code, Code::PathLeaves, "{path}");
    }
    assert_eq!(folder.read("elsewhere/a.rs"), "mine\n");
}

#[test]
fn what_is_left_over_is_named_within_the_scope() {
    let folder = Folder::new();
    folder.write("src/tiny_cpu.rs", &header("skillset --model tiny --platform cpu"));
    folder.write("src/tiny_gpu.rs", &header("skillset --model tiny --platform gpu"));
    folder.write("src/old_cpu.rs", &header("skillset --model old --platform cpu"));
    folder.write("tests/old_cpu.rs", &header("test --model old --platform cpu"));
    folder.write("src/tiny.rs", &header("skillset --model tiny --cross-platform"));
    folder.write("src/mine.rs", "fn main() {}\n");
    folder.write("target/x.rs", &header("skillset --model old --platform cpu"));
    let now = files(&[("src/tiny_cpu.rs", "")]);
    let left = |models: &[&str], platforms: &[&str], verbs: &[&'static str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        output::stale(
            folder.path(),
            &now,
            &Scope { verbs: verbs.to_vec(), models: owned(models), platforms: owned(platforms), cross_platform: Some(false) },
        )
    };
    assert_eq!(left(&[], &[], &[]), ["src/old_cpu.rs", "src/tiny_gpu.rs", "tests/old_cpu.rs"]);
    assert_eq!(left(&["tiny"], &[], &["skillset"]), ["src/tiny_gpu.rs"]);
    assert_eq!(left(&[], &["cpu"], &["skillset"]), ["src/old_cpu.rs"]);
    assert!(left(&["tiny"], &["cpu"], &["skillset"]).is_empty());
}

#[test]
fn the_diff_is_unified_and_coloured_on_demand() {
    let change = output::Change { path: "src/a.rs".into(), before: Some("1\n2\n3\n".into()), after: "1\ntwo\n3\n".into() };
    assert_eq!(output::unified(&change, false), "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n");
    assert!(output::unified(&change, true).contains("\x1b[32m+two\x1b[0m\n"));
    let new = output::Change { before: None, ..change };
    assert!(output::unified(&new, false).starts_with("--- /dev/null\n+++ b/src/a.rs\n@@ -0,0 +1,3 @@\n"));
}

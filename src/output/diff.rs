//! The unified diff that `--check` prints.

use similar::TextDiff;

use super::Change;

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// What would change in one file.
pub fn unified(change: &Change, colour: bool) -> String {
    let before = change.before.as_deref().unwrap_or_default();
    let old = if change.before.is_some() { format!("a/{}", change.path) } else { "/dev/null".to_owned() };
    let new = format!("b/{}", change.path);
    let text = TextDiff::from_lines(before, change.after.as_str()).unified_diff().context_radius(3).header(&old, &new).to_string();
    if colour { text.split_inclusive('\n').map(painted).collect() } else { text }
}

fn painted(line: &str) -> String {
    let colour = match line.as_bytes().first() {
        _ if line.starts_with("---") || line.starts_with("+++") => BOLD,
        Some(b'@') => CYAN,
        Some(b'+') => GREEN,
        Some(b'-') => RED,
        _ => return line.to_owned(),
    };
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    format!("{colour}{text}{RESET}{end}")
}

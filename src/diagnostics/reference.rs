//! The table of codes as pages: one for `gen explain`, all for docs/errors.md.

use super::Code;

/// The page of one code.
pub fn page(code: Code) -> String {
    format!("{}: {}\n\n{}\n", code.id(), code.title(), explanation(code))
}

/// docs/errors.md: every code by its stage.
pub fn reference() -> String {
    let mut text = String::from(
        "<!-- Made from the table in src/diagnostics.rs by `gen explain`; a test holds it. -->\n\n# Errors of `gen`\n\n\
         Codes are stable: a code never changes its meaning, and a dropped one is not used again.\n",
    );
    let stages = [('S', "Reading specs"), ('P', "Checking plans"), ('V', "Findings of `gen validate`"), ('U', "Using the command")];
    for (letter, title) in stages {
        text.push_str(&format!("\n## {title}\n"));
        for code in Code::ALL.iter().filter(|code| code.id().starts_with(letter)) {
            text.push_str(&format!("\n### {}: {}\n\n{}\n", code.id(), code.title(), explanation(*code)));
        }
    }
    text
}

/// Cause and cure of one code.
pub fn explanation(code: Code) -> String {
    code.explanation().lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

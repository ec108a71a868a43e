//! `gen explain`: the page of a code, or all of them.

use serde_json::json;

use super::{Console, Done};
use crate::cli::Explain;
use crate::diagnostics::{self, Code, Diagnostics};
use crate::names;

pub(super) fn run(arguments: &Explain, console: &Console) -> Result<Done, Diagnostics> {
    let codes = match &arguments.code {
        None => Code::ALL.to_vec(),
        Some(name) => vec![find(name)?],
    };
    if console.is_json() {
        let row = |code: &Code| json!({ "code": code.id(), "title": code.title(), "explanation": diagnostics::explanation(*code) });
        console.print_json(&json!({ "codes": codes.iter().map(row).collect::<Vec<_>>() }));
    } else if let [code] = codes[..] {
        console.print(&diagnostics::page(code));
    } else {
        console.print(&diagnostics::reference());
    }
    Ok(Done::Clean)
}

fn find(name: &str) -> Result<Code, Diagnostics> {
    Code::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let mut diagnostics = Diagnostics::default();
        let help = names::did_you_mean(&name.to_uppercase(), Code::ALL.iter().map(|code| code.id()));
        let help = help.unwrap_or_else(|| "`gen explain` prints all of them".to_owned());
        diagnostics.add(Code::WrongUse, None, format!("there is no code `{name}`"), help);
        diagnostics
    })
}

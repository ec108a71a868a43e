//! `gen schema`: the JSON Schema of the specs.

use serde_json::{Map, Value};

use super::{Console, Done};
use crate::cli::Schema;
use crate::diagnostics::{Code, Diagnostics};
use crate::names;
use crate::spec::json_schema;

pub(super) fn run(arguments: &Schema, console: &Console) -> Result<Done, Diagnostics> {
    let all = json_schema::all();
    match &arguments.folder {
        None => {
            let object: Map<String, Value> = all.into_iter().map(|(folder, schema)| (folder.to_owned(), schema)).collect();
            console.print_json(&Value::Object(object));
        }
        Some(name) => match all.iter().find(|(folder, _)| folder == name) {
            Some((_, schema)) => console.print_json(schema),
            None => {
                let folders: Vec<_> = all.iter().map(|(folder, _)| *folder).collect();
                let mut diagnostics = Diagnostics::default();
                let message = format!("expected {}, found `{name}`", names::alternatives(&folders));
                diagnostics.add(Code::WrongUse, None, message, names::did_you_mean(name, folders.iter().copied()));
                return Err(diagnostics);
            }
        },
    }
    Ok(Done::Clean)
}

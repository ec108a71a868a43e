//! Templates: the page around the code. A template shows order and prose; its holes are filled with finished fragments.

use serde::Serialize;
use tera::{Context, Tera};

use crate::sources::Sources;

/// Fills a template of `templates/`.
///
/// A template that is missing or broken gives a text that does not compile and says why: templates are the program's own,
/// and its tests fill every one.
pub(super) fn fill<T: Serialize>(name: &str, context: &T, sources: &Sources) -> String {
    let result = sources.file(&format!("templates/{name}")).ok_or_else(|| "there is no such template".to_owned()).and_then(|template| {
        let mut tera = Tera::default();
        tera.autoescape_on(Vec::<&str>::new());
        let parsed = tera.add_raw_template(name, &template.text).map_err(|error| chain(&error));
        let context = Context::from_serialize(context).map_err(|error| chain(&error));
        parsed.and(context).and_then(|context| tera.render(name, &context).map_err(|error| chain(&error)))
    });
    match result {
        Ok(text) => tidy(&text),
        Err(reason) => format!("compile_error!({:?});\n", format!("templates/{name}: {reason}")),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    text
}

/// At most one blank line in a row, none at the start or the end, no blanks at the ends of lines.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            if !blank {
                tidy.push('\n');
            }
            blank = true;
        } else {
            tidy.push_str(line);
            tidy.push('\n');
            blank = false;
        }
    }
    while tidy.ends_with("\n\n") {
        tidy.pop();
    }
    tidy
}

//! `extends`: a spec written as the difference to another one.

use std::sync::Arc;

use super::fields;
use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::sources::Sources;
use crate::yaml::{self, Node, Value};

/// Where models lie.
pub const MODELS: &str = "model_specs/models";

/// The whole spec of a model, with all that it extends merged in, and the files it came from, its own first.
pub(super) fn load(family: &str, sources: &Sources, diagnostics: &mut Diagnostics) -> Option<(Node, Vec<Arc<SourceText>>)> {
    let mut chain: Vec<(String, Node, Arc<SourceText>)> = Vec::new();
    let mut next = family.to_owned();
    let mut asked = None;
    loop {
        let Some(file) = sources.file(&format!("{MODELS}/{next}.yaml")) else {
            let help = names::did_you_mean(&next, sources.specs(MODELS).map(|(name, _)| name));
            diagnostics.add(Code::UnknownModel, asked, format!("there is no model `{next}`"), help);
            return None;
        };
        let node = yaml::parse(file, diagnostics)?;
        let parent = fields::spanned_text(&node, "extends");
        chain.push((next, node, Arc::clone(file)));
        let Some(parent) = parent else { break };
        if chain.iter().any(|(known, ..)| *known == parent.value) {
            let path: Vec<_> = chain.iter().map(|(name, ..)| name.as_str()).chain([parent.value.as_str()]).collect();
            diagnostics.add(Code::ExtendsCycle, parent.span, format!("`extends` goes round: {}", path.join(" → ")), None);
            return None;
        }
        (next, asked) = (parent.value, Some(parent.span));
    }
    let files = chain.iter().map(|(.., file)| Arc::clone(file)).collect();
    let merged = chain.into_iter().map(|(_, node, _)| node).rev().reduce(merge)?;
    Some((merged, files))
}

/// `changes` over `base`: mappings key by key, nothing (`~`) takes an entry away, the rest is replaced.
fn merge(mut base: Node, mut changes: Node) -> Node {
    let (Value::Map(entries), Value::Map(changed)) = (&mut base.value, &mut changes.value) else { return changes };
    let mut merged = std::mem::take(entries);
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in std::mem::take(changed) {
        let name = key.text().unwrap_or_default().to_owned();
        // A key given twice stays twice, so that the check reports it.
        let known = (!seen.contains(&name)).then(|| merged.iter().position(|(known, _)| known.text() == Some(&name))).flatten();
        match (known, &value.value) {
            (Some(index), Value::Null) => {
                merged.remove(index);
            }
            (Some(index), _) => {
                let (_, old) = merged.remove(index);
                merged.insert(index, (key, merge(old, value)));
            }
            (None, _) => merged.push((key, value)),
        }
        seen.push(name);
    }
    changes.value = Value::Map(merged);
    changes
}

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
    let merged = chain.into_iter().map(|(_, node, _)| node).rev().reduce(|base, changes| merge(base, changes, diagnostics))?;
    Some((merged, files))
}

/// `changes` over `base`: mappings key by key, nothing (`~`) takes an entry away, an entry with `was` takes the place of another,
/// a mapping over steps changes those that bind its names, the rest is replaced.
fn merge(mut base: Node, mut changes: Node, diagnostics: &mut Diagnostics) -> Node {
    let (Value::Map(entries), Value::Map(changed)) = (&mut base.value, &mut changes.value) else { return changes };
    let mut merged = std::mem::take(entries);
    let before = merged.clone();
    let mut seen: Vec<String> = Vec::new();
    for (key, mut value) in std::mem::take(changed) {
        let name = key.text().unwrap_or_default().to_owned();
        let place = |name: &str, merged: &[(Node, Node)]| merged.iter().position(|(known, _)| known.text() == Some(name));
        if let Some(was) = take_was(&mut value) {
            match before.iter().find(|(known, _)| known.text() == Some(&was.value)) {
                Some((_, old)) => {
                    let index = place(&was.value, &merged);
                    if let Some(index) = index {
                        merged.remove(index);
                    }
                    merged.insert(index.unwrap_or(merged.len()), (key, merge(old.clone(), value, diagnostics)));
                }
                None => {
                    let help = names::did_you_mean(&was.value, before.iter().filter_map(|(known, _)| known.text()));
                    diagnostics.add(Code::UnknownName, was.span, format!("the spec that is extended has no `{}` here", was.value), help);
                }
            }
            continue;
        }
        // A key given twice stays twice, so that the check reports it.
        let known = (!seen.contains(&name)).then(|| place(&name, &merged)).flatten();
        match (known, &mut value.value) {
            (Some(index), Value::Null) => {
                merged.remove(index);
            }
            (Some(index), Value::Map(changed)) if matches!(merged[index].1.value, Value::List(_)) => {
                let changed = std::mem::take(changed);
                change_steps(&mut merged[index].1, changed, diagnostics);
            }
            (Some(index), _) => {
                let (_, old) = merged.remove(index);
                merged.insert(index, (key, merge(old, value, diagnostics)));
            }
            (None, _) => merged.push((key, value)),
        }
        seen.push(name);
    }
    changes.value = Value::Map(merged);
    changes
}

/// The field `was` of a mapping, taken out of it.
fn take_was(node: &mut Node) -> Option<fields::Spanned<String>> {
    let was = fields::spanned_text(node, "was")?;
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|(key, _)| key.text() != Some("was"));
    }
    Some(was)
}

/// Each of `changed` in place of the first step that binds its name, `counter.name` of the first in the repeat that counts so; a list stands for several steps, nothing (`~`) for none.
fn change_steps(steps: &mut Node, changed: Vec<(Node, Node)>, diagnostics: &mut Diagnostics) {
    for (key, value) in changed {
        let name = key.text().unwrap_or_default().to_owned();
        let new = match &value.value {
            Value::Null => vec![],
            Value::List(nodes) => nodes.clone(),
            _ => {
                let (mut step, mut own) = (key.clone(), key.clone());
                own.value = Value::Text(name.rsplit('.').next().unwrap_or_default().to_owned());
                step.value = Value::Map(vec![(own, value)]);
                vec![step]
            }
        };
        if !replace_step(steps, &name, &mut Some(new)) {
            let mut known = Vec::new();
            bound(steps, &mut known);
            let help = names::did_you_mean(&name, known.iter().map(String::as_str));
            diagnostics.add(Code::UnknownName, key.span.clone(), format!("the steps that are changed bind no `{name}`"), help);
        }
    }
}

fn replace_step(steps: &mut Node, name: &str, new: &mut Option<Vec<Node>>) -> bool {
    let Value::List(nodes) = &mut steps.value else { return false };
    let within = name.split_once('.');
    for index in 0..nodes.len() {
        let Value::Map(entries) = &mut nodes[index].value else { continue };
        let counts = entries
            .iter()
            .any(|(key, value)| key.text() == Some("repeat") && within.is_some_and(|(counter, _)| fields::get(value, counter).is_some()));
        if let Some((_, inner)) = entries.iter_mut().find(|(key, _)| key.text() == Some("steps")) {
            let found = match within {
                Some((_, rest)) if counts => replace_step(inner, rest, new),
                _ => replace_step(inner, name, new),
            };
            if found {
                return true;
            }
        } else if matches!(entries.as_slice(), [(key, _)] if key.text() == Some(name)) {
            nodes.splice(index..=index, new.take().unwrap_or_default());
            return true;
        }
    }
    false
}

fn bound(steps: &Node, names: &mut Vec<String>) {
    for step in fields::list(Some(steps)) {
        match fields::get(step, "steps") {
            Some(inner) => bound(inner, names),
            None => names.extend(fields::entries(step).iter().filter_map(|(key, _)| key.text().map(str::to_owned))),
        }
    }
}

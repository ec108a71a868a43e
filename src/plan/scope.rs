//! What names mean at a place: what is bound, what will be bound later, and what is read.

use std::collections::{BTreeMap, BTreeSet};

use super::typed::{Kind, NameKind};
use crate::diagnostics::{Code, Diagnostics, Span};
use crate::names;

/// Index of a binding.
pub(super) type DefinitionId = usize;

/// One binding of a name, or the meeting of two at the head of a repeat.
struct Definition {
    name: String,
    span: Span,
    read: bool,
    /// Read where this one is read.
    sources: Vec<DefinitionId>,
    /// True for a binding that a person wrote.
    written: bool,
}

/// A name that steps bind.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) definition: DefinitionId,
    /// None where its expression was refused.
    pub(super) kind: Option<Kind>,
    pub(super) name_kind: NameKind,
}

/// Where weights may be named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// In a model or a block with a prefix.
    Allowed,
    /// In a head: `base:` too.
    WithBase,
    /// In a block without a prefix.
    None,
}

/// Names at a place.
pub(super) struct Scope {
    pub(super) fixed: BTreeMap<String, (NameKind, Option<Kind>)>,
    pub(super) bound: BTreeMap<String, Bound>,
    pub(super) later: BTreeSet<String>,
    pub(super) weights: Weights,
    pub(super) prefix_parameter: Option<String>,
    read: BTreeSet<String>,
    definitions: Vec<Definition>,
}

impl Scope {
    pub(super) fn new(fixed: BTreeMap<String, (NameKind, Option<Kind>)>, weights: Weights) -> Self {
        let (bound, later, read, definitions) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new(), Vec::new());
        Self { fixed, bound, later, weights, prefix_parameter: None, read, definitions }
    }

    /// A new binding, not visible yet.
    pub(super) fn define(&mut self, name: &str, span: &Span, sources: Vec<DefinitionId>, written: bool) -> DefinitionId {
        self.definitions.push(Definition { name: name.to_owned(), span: span.clone(), read: false, sources, written });
        self.definitions.len() - 1
    }

    /// Adds a source to the meeting of two bindings.
    pub(super) fn add_source(&mut self, definition: DefinitionId, source: DefinitionId) {
        self.definitions[definition].sources.push(source);
    }

    /// Notes that something other than an expression reads a fixed name.
    pub(super) fn note_read(&mut self, name: &str) {
        self.read.insert(name.to_owned());
    }

    /// True where anything read the fixed name.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.read.contains(name)
    }

    /// What a name means; notes that it is read. `Some(None)` where its own expression was refused.
    pub(super) fn read(&mut self, name: &str, span: &Span, diagnostics: &mut Diagnostics) -> Option<(NameKind, Option<Kind>)> {
        if let Some(bound) = self.bound.get(name) {
            self.definitions[bound.definition].read = true;
            return Some((bound.name_kind, bound.kind));
        }
        if let Some(&(name_kind, kind)) = self.fixed.get(name) {
            self.read.insert(name.to_owned());
            return Some((name_kind, kind));
        }
        if self.prefix_parameter.as_deref() == Some(name) {
            let help = "weight paths nest under it by themselves; `\"\"` stays where it is".to_owned();
            diagnostics.add(Code::WrongPrefix, span.clone(), format!("`{name}` is a weight prefix, and no value"), help);
        } else if self.later.contains(name) {
            let help = "move the step that binds it up".to_owned();
            diagnostics.add(Code::LaterName, span.clone(), format!("`{name}` is bound by a later step, or only inside a repeat"), help);
        } else {
            let known = self.bound.keys().chain(self.fixed.keys()).map(String::as_str);
            diagnostics.add(Code::UnknownName, span.clone(), format!("there is no `{name}` here"), names::did_you_mean(name, known));
        }
        None
    }

    /// Reports every binding that nothing reads.
    pub(super) fn report_unused(&mut self, diagnostics: &mut Diagnostics) {
        let mut stack: Vec<DefinitionId> = (0..self.definitions.len()).filter(|&id| self.definitions[id].read).collect();
        let mut reached = vec![false; self.definitions.len()];
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut reached[id], true) {
                stack.extend(&self.definitions[id].sources);
            }
        }
        for (definition, reached) in self.definitions.iter().zip(reached) {
            if !reached && definition.written && !definition.name.starts_with('_') {
                let message = format!("nothing reads this `{}`", definition.name);
                let help = format!("delete the step, or name it `_{}` to keep it", definition.name);
                diagnostics.add(Code::UnusedStep, definition.span.clone(), message, help);
            }
        }
    }
}

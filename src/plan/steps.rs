//! Steps: what they bind, in order, and what a repeat carries from turn to turn.

use super::resolve::Resolver;
use super::scope::{Bound, DefinitionId};
use super::typed::{Kind, NameKind, TypedChoice, TypedStep};
use crate::diagnostics::{Code, Span};
use crate::spec::{Choice, Spanned, Step};

impl Resolver<'_> {
    /// Resolves steps in order. What is refused is reported and left out.
    pub(super) fn steps(&mut self, steps: &[Step]) -> Vec<TypedStep> {
        let outer_later = self.scope.later.clone();
        self.scope.later.extend(bound_names(steps, true).into_iter().map(|name| name.value.clone()));
        let mut typed = Vec::new();
        for step in steps {
            match self.step(step) {
                Some(step) => typed.push(step),
                None => self.refused = true,
            }
        }
        self.scope.later = outer_later;
        // Names that only a repeat binds stay known as such, so that a read after it is explained.
        self.scope.later.extend(bound_names(steps, true).into_iter().map(|name| name.value.clone()));
        typed
    }

    fn step(&mut self, step: &Step) -> Option<TypedStep> {
        match step {
            Step::Bind { name, value } => {
                let value = self.choice(value);
                self.bind_name(name, value.as_ref().map(TypedChoice::kind));
                Some(TypedStep::Bind { name: name.value.clone(), value: value? })
            }
            Step::Collect { list, value } => {
                Some(TypedStep::Collect { list: list.value.clone(), value: self.of_kind(value, Kind::Tensor)? })
            }
            Step::Repeat { counter, count, prefix, steps } => self.repeat(counter, count, prefix.as_ref(), steps),
        }
    }

    fn repeat(
        &mut self,
        counter: &Spanned<String>,
        count: &crate::spec::Expression,
        prefix: Option<&Spanned<String>>,
        steps: &[Step],
    ) -> Option<TypedStep> {
        let count = self.of_kind(count, Kind::Int);
        let before = self.scope.bound.clone();
        // At the head of a turn a carried name is what stood before the repeat, or what the turn before bound.
        let mut carried: Vec<(String, DefinitionId, Bound, Span)> = Vec::new();
        for name in bound_names(steps, false) {
            if let Some(outer) = before.get(&name.value).filter(|_| !carried.iter().any(|(known, ..)| *known == name.value)) {
                let meeting = self.scope.define(&name.value, &name.span, vec![outer.definition], false);
                let bound = Bound { definition: meeting, name_kind: NameKind::Local, ..outer.clone() };
                self.scope.bound.insert(name.value.clone(), bound);
                carried.push((name.value.clone(), meeting, outer.clone(), name.span.clone()));
            }
        }
        if self.taken(counter) {
            return None;
        }
        let definition = self.scope.define(&counter.value, &counter.span, vec![], false);
        self.scope.bound.insert(counter.value.clone(), Bound { definition, kind: Some(Kind::Int), name_kind: NameKind::Counter });
        let path = prefix.map(|prefix| self.path(&prefix.value, &prefix.span));
        let steps = self.steps(steps);
        for (name, meeting, outer, span) in &carried {
            if let Some(last) = self.scope.bound.get(name).cloned() {
                self.scope.add_source(*meeting, last.definition);
                if let (Some(expected), Some(found)) = (outer.kind, last.kind)
                    && expected != found
                {
                    let message = format!("`{name}` is {expected} before the repeat, found {found}");
                    self.diagnostics.add(Code::WrongKind, span.clone(), message, None);
                }
            }
        }
        self.scope.bound = before;
        for (name, meeting, outer, _) in &carried {
            self.scope.bound.insert(name.clone(), Bound { definition: *meeting, name_kind: NameKind::Local, ..outer.clone() });
        }
        let prefix = match path {
            Some(None) => return None,
            Some(path) => path,
            None => None,
        };
        let carried = carried.into_iter().map(|(name, _, outer, _)| (name, outer.name_kind)).collect();
        Some(TypedStep::Repeat { counter: counter.value.clone(), count: count?, prefix, steps, carried })
    }

    /// Resolves a choice; its branches give one kind.
    pub(super) fn choice(&mut self, choice: &Choice) -> Option<TypedChoice> {
        match choice {
            Choice::Expression(expression) => self.expression(expression).map(TypedChoice::Expression),
            Choice::When { condition, then, otherwise } => {
                let condition = self.of_kind(condition, Kind::Bool);
                let (then_choice, otherwise_choice) = (self.choice(then), self.choice(otherwise));
                let (then_choice, otherwise_choice) = (then_choice?, otherwise_choice?);
                self.same_kind(&then_choice, &otherwise_choice, otherwise)?;
                Some(TypedChoice::When { condition: condition?, then: Box::new(then_choice), otherwise: Box::new(otherwise_choice) })
            }
            Choice::Match { subject, cases } => {
                let subject_typed = self.of_kind(subject, Kind::Text);
                if cases.is_empty() {
                    self.diagnostics.add(Code::MissingCase, subject.span.clone(), "a `match` without cases", None);
                }
                let resolved: Vec<_> = cases.iter().map(|(texts, choice)| (texts, choice, self.choice(choice))).collect();
                let mut typed: Vec<(Vec<String>, TypedChoice)> = Vec::new();
                for (texts, choice, resolved) in resolved {
                    let resolved = resolved?;
                    if let Some((_, first)) = typed.first() {
                        self.same_kind(first, &resolved, choice)?;
                    }
                    typed.push((texts.iter().map(|text| text.value.clone()).collect(), resolved));
                }
                (!typed.is_empty()).then_some(TypedChoice::Match { subject: subject_typed?, cases: typed })
            }
        }
    }

    fn same_kind(&mut self, first: &TypedChoice, second: &TypedChoice, place: &Choice) -> Option<()> {
        if first.kind() == second.kind() {
            return Some(());
        }
        let message = format!("expected {}, as in the first branch, found {}", first.kind(), second.kind());
        self.diagnostics.add(Code::WrongKind, place.span().clone(), message, None);
        None
    }

    fn bind_name(&mut self, name: &Spanned<String>, kind: Option<Kind>) {
        if self.taken(name) {
            return;
        }
        let definition = self.scope.define(&name.value, &name.span, vec![], true);
        self.scope.bound.insert(name.value.clone(), Bound { definition, kind, name_kind: NameKind::Local });
    }

    fn taken(&mut self, name: &Spanned<String>) -> bool {
        let what = match self.scope.fixed.get(&name.value) {
            Some((NameKind::Config, _)) => "a key of the config",
            Some((NameKind::Dimension, _)) => "a dimension",
            Some((NameKind::Parameter, _)) => "a parameter",
            Some((NameKind::Input, _)) => "an input",
            Some((NameKind::State, _)) => "a state",
            _ if self.scope.prefix_parameter.as_deref() == Some(&name.value) => "a parameter",
            _ if matches!(self.scope.bound.get(&name.value), Some(Bound { name_kind: NameKind::Counter, .. })) => "a counter",
            _ => return false,
        };
        let message = format!("`{}` is {what}", name.value);
        self.diagnostics.add(Code::NameTaken, name.span.clone(), message, "choose another name for the step".to_owned());
        true
    }
}

/// Every name that the steps bind, those inside repeats too; with their counters if asked for.
pub(super) fn bound_names(steps: &[Step], counters: bool) -> Vec<&Spanned<String>> {
    let mut names = Vec::new();
    for step in steps {
        match step {
            Step::Bind { name, .. } => names.push(name),
            Step::Repeat { counter, steps, .. } => {
                if counters {
                    names.push(counter);
                }
                names.extend(bound_names(steps, counters));
            }
            Step::Collect { .. } => {}
        }
    }
    names
}

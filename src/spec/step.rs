//! Steps: names bound to values, repeats, and what list outputs collect.

use super::expression::{self, Expression};
use super::fields::{self, Spanned};
use super::schema::{Record, Shape, required};
use crate::diagnostics::{Code, Diagnostics, Span};
use crate::names;
use crate::yaml::{Node, Value};

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// `name: value`
    Bind {
        /// The name.
        name: Spanned<String>,
        /// What it is bound to.
        value: Choice,
    },
    /// `repeat: { counter: count, prefix: path }` with `steps:`
    Repeat {
        /// Counts the turns, from 0.
        counter: Spanned<String>,
        /// How many turns.
        count: Expression,
        /// Weight paths of the steps nest under it.
        prefix: Option<Spanned<String>>,
        /// What each turn does.
        steps: Vec<Step>,
    },
    /// `collect: { list: value }`
    Collect {
        /// The list output.
        list: Spanned<String>,
        /// What is appended.
        value: Expression,
    },
}

/// An expression, or a choice among expressions that is made when the graph is built.
#[derive(Clone, Debug)]
pub enum Choice {
    /// No choice.
    Expression(Expression),
    /// `when: …`, `then: …`, `else: …`
    When {
        /// The truth value.
        condition: Expression,
        /// If true.
        then: Box<Choice>,
        /// If false.
        otherwise: Box<Choice>,
    },
    /// `match: …`, `cases: …`
    Match {
        /// The text.
        subject: Expression,
        /// The texts of each case, and its value.
        cases: Vec<(Vec<Spanned<String>>, Choice)>,
    },
}

impl Choice {
    /// Where it stands.
    pub fn span(&self) -> &Span {
        match self {
            Choice::Expression(expression) => &expression.span,
            Choice::When { condition, .. } => &condition.span,
            Choice::Match { subject, .. } => &subject.span,
        }
    }
}

/// `repeat:` and its steps.
pub static REPEAT: Record = Record {
    name: "repeat",
    doc: "Steps that are repeated.",
    fields: &[
        required("repeat", Shape::Map(&Shape::Expression), "The counter's name with the number of turns; `prefix` nests the weight paths."),
        required("steps", Shape::Steps, "What each turn does."),
    ],
};

/// `collect:`
pub static COLLECT: Record = Record {
    name: "collect",
    doc: "Appends a tensor to a list output.",
    fields: &[required("collect", Shape::Map(&Shape::Expression), "The list output and the tensor.")],
};

/// `when:`
pub static WHEN: Record = Record {
    name: "when",
    doc: "A choice by a truth value of the config, made when the graph is built.",
    fields: &[
        required("when", Shape::Expression, "The truth value."),
        required("then", Shape::Value, "The value if it is true."),
        required("else", Shape::Value, "The value if it is false."),
    ],
};

/// `match:`
pub static MATCH: Record = Record {
    name: "match",
    doc: "A choice by a text of the config, made when the graph is built.",
    fields: &[
        required("match", Shape::Expression, "The text."),
        required(
            "cases",
            Shape::Map(&Shape::Value),
            "The value for each text; `a | b` covers two. Another text is an error that lists these.",
        ),
    ],
};

/// The record that a mapping in a value's place is meant to be.
pub fn value_record(entries: &[(Node, Node)]) -> &'static Record {
    let has = |name: &str| entries.iter().any(|(key, _)| key.text() == Some(name));
    if has("match") || has("cases") { &MATCH } else { &WHEN }
}

/// Checks the fields of one step.
pub fn check(node: &Node, diagnostics: &mut Diagnostics) {
    let Value::Map(entries) = &node.value else {
        let message = format!("expected a step (`name: expression`), found {}", node.value.kind());
        return diagnostics.add(Code::WrongType, node.span.clone(), message, None);
    };
    let has = |name: &str| entries.iter().any(|(key, _)| key.text() == Some(name));
    match entries.as_slice() {
        _ if has("repeat") => REPEAT.check(node, diagnostics),
        _ if has("collect") => COLLECT.check(node, diagnostics),
        [(_, value)] => Shape::Value.check(value, diagnostics),
        [_, (second, _), ..] => {
            let help = "start each step with `- `; a choice by `when` or `match` is indented under the name".to_owned();
            diagnostics.add(Code::UnknownField, second.span.clone(), "a step binds one name", help);
        }
        [] => diagnostics.add(Code::WrongType, node.span.clone(), "expected a step (`name: expression`), found nothing", None),
    }
}

/// Reads a list of steps.
pub fn read_all(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Step> {
    fields::list(node).iter().filter_map(|node| read(node, diagnostics)).collect()
}

fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Step> {
    if let Some(repeat) = fields::get(node, "repeat") {
        let entries = fields::entries(repeat);
        let prefix = entries.iter().find(|(key, _)| key.text() == Some("prefix")).and_then(|(_, value)| fields::spanned(value));
        let mut counters = entries.iter().filter(|(key, _)| key.text() != Some("prefix"));
        let Some((counter, count)) = counters.next() else {
            let help = "as in `repeat: { layer: num_hidden_layers }`".to_owned();
            diagnostics.add(Code::MissingField, repeat.span.clone(), "a repeat names a counter and its number of turns", help);
            return None;
        };
        for (second, _) in counters {
            diagnostics.add(Code::UnknownField, second.span.clone(), "a repeat has one counter, and `prefix`", None);
        }
        let steps = read_all(fields::get(node, "steps"), diagnostics);
        let counter = usable(counter, diagnostics);
        return Some(Step::Repeat { counter: counter?, count: expression::read(count, diagnostics)?, prefix, steps });
    }
    if let Some(collect) = fields::get(node, "collect") {
        let [(list, value)] = fields::entries(collect) else {
            diagnostics.add(Code::WrongType, collect.span.clone(), "`collect` names one list output and its tensor", None);
            return None;
        };
        return Some(Step::Collect { list: fields::spanned(list)?, value: expression::read(value, diagnostics)? });
    }
    let [(name, value)] = fields::entries(node) else { return None };
    let (name, value) = (usable(name, diagnostics), read_choice(value, diagnostics));
    Some(Step::Bind { name: name?, value: value? })
}

pub(super) fn read_choice(node: &Node, diagnostics: &mut Diagnostics) -> Option<Choice> {
    let Value::Map(entries) = &node.value else { return expression::read(node, diagnostics).map(Choice::Expression) };
    let mut choice = |name| fields::get(node, name).and_then(|node| read_choice(node, diagnostics)).map(Box::new);
    if std::ptr::eq(value_record(entries), &WHEN) {
        let (then, otherwise) = (choice("then"), choice("else"));
        let condition = expression::read(fields::get(node, "when")?, diagnostics);
        return Some(Choice::When { condition: condition?, then: then?, otherwise: otherwise? });
    }
    let subject = expression::read(fields::get(node, "match")?, diagnostics);
    let mut cases: Vec<(Vec<Spanned<String>>, Choice)> = Vec::new();
    for (key, value) in fields::entries(fields::get(node, "cases")?) {
        let mut texts = Vec::new();
        for part in key.text().unwrap_or_default().split('|') {
            let text = part.trim();
            let start = text.as_ptr() as usize - key.text().unwrap_or_default().as_ptr() as usize;
            let span = key.text_span(start..start + text.len());
            if texts.iter().chain(cases.iter().flat_map(|(texts, _)| texts)).any(|known: &Spanned<String>| known.value == text) {
                diagnostics.add(Code::DuplicateField, span.clone(), format!("a case for `{text}` stands above"), None);
            }
            texts.push(Spanned { value: text.to_owned(), span });
        }
        if let Some(choice) = read_choice(value, diagnostics) {
            cases.push((texts, choice));
        }
    }
    Some(Choice::Match { subject: subject?, cases })
}

/// The name, if steps, blocks and parameters may be called so.
pub(super) fn usable(key: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<String>> {
    let name = fields::spanned(key)?;
    if names::is_usable(&name.value) {
        return Some(name);
    }
    let help = "lower-case words joined by `_`, none that Rust or the generated code takes".to_owned();
    diagnostics.add(Code::BadName, name.span.clone(), format!("`{}` cannot be a name here", name.value), help);
    None
}

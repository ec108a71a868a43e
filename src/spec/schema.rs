//! What fields a spec may have, as data: the checks, the JSON Schema and the decoder's reader all come from these tables.

use std::collections::BTreeSet;

use crate::diagnostics::{Code, Diagnostics};
use crate::names;
use crate::yaml::{Node, Value};

/// What a field takes.
#[derive(Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// true or false.
    Bool,
    /// A text, number, true or false.
    Scalar,
    /// A scalar, or a list of whole numbers.
    Literal,
    /// An expression of the spec language.
    Expression,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of one kind of thing.
    List(&'static Shape),
    /// A mapping from names of the author's choice.
    Map(&'static Shape),
    /// A mapping with known fields.
    Record(&'static Record),
    /// The short form, or a mapping with known fields.
    Either(&'static Shape, &'static Record),
    /// An expression or a choice among expressions.
    Value,
    /// A list of steps.
    Steps,
}

/// A mapping with known fields.
#[derive(Debug)]
pub struct Record {
    /// Its name in the JSON Schema.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// The fields, in the order in which people write them.
    pub fields: &'static [Field],
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// True where it must be there.
    pub required: bool,
    /// One sentence.
    pub doc: &'static str,
}

/// A field that must be there.
pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: true, doc }
}

/// A field that may be left out.
pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: false, doc }
}

impl Shape {
    /// Adds all that does not fit.
    pub fn check(&self, node: &Node, diagnostics: &mut Diagnostics) {
        let fits = match (self, &node.value) {
            (Shape::Text | Shape::Scalar | Shape::Expression | Shape::Value, Value::Text(_)) => true,
            (Shape::Int | Shape::Number | Shape::Scalar | Shape::Expression | Shape::Value, Value::Int(_)) => true,
            (Shape::Number | Shape::Scalar | Shape::Expression | Shape::Value, Value::Float(_)) => true,
            (Shape::Bool | Shape::Scalar | Shape::Expression | Shape::Value, Value::Bool(_)) => true,
            (Shape::Literal, Value::List(nodes)) => {
                nodes.iter().for_each(|node| Shape::Int.check(node, diagnostics));
                !nodes.is_empty()
            }
            (Shape::Literal, _) => return Shape::Scalar.check(node, diagnostics),
            (Shape::Choice(known), Value::Text(text)) => {
                if !known.contains(&text.as_str()) {
                    let message = format!("expected {}, found `{text}`", names::alternatives(known));
                    diagnostics.add(Code::WrongType, node.span.clone(), message, names::did_you_mean(text, known.iter().copied()));
                }
                true
            }
            (Shape::List(each), Value::List(nodes)) => {
                nodes.iter().for_each(|node| each.check(node, diagnostics));
                true
            }
            (Shape::Steps, Value::List(nodes)) => {
                nodes.iter().for_each(|node| super::step::check(node, diagnostics));
                true
            }
            (Shape::Value, Value::Map(entries)) => {
                super::step::value_record(entries).check(node, diagnostics);
                true
            }
            (Shape::Map(each), Value::Map(entries)) => {
                duplicates(entries, diagnostics);
                entries.iter().for_each(|(_, value)| each.check(value, diagnostics));
                true
            }
            (Shape::Record(record) | Shape::Either(_, record), Value::Map(_)) => {
                record.check(node, diagnostics);
                true
            }
            (Shape::Either(short, _), value) if !matches!(value, Value::List(_)) || matches!(short, Shape::Literal) => {
                short.check(node, diagnostics);
                true
            }
            _ => false,
        };
        if !fits {
            diagnostics.add(Code::WrongType, node.span.clone(), format!("expected {}, found {}", self.expected(), node.value.kind()), None);
        }
    }

    /// The shape as a reader of an error message knows it.
    pub fn expected(&self) -> String {
        match self {
            Shape::Text => "a text".into(),
            Shape::Int => "a whole number".into(),
            Shape::Number => "a number".into(),
            Shape::Bool => "true or false".into(),
            Shape::Scalar => "a text, a number, true or false".into(),
            Shape::Literal => "a text, a number, true or false, or a list of whole numbers".into(),
            Shape::Expression => "an expression".into(),
            Shape::Choice(known) => names::alternatives(known),
            Shape::List(_) => "a list".into(),
            Shape::Map(_) | Shape::Record(_) => "a mapping".into(),
            Shape::Either(short, _) => format!("{} or a mapping", short.expected()),
            Shape::Value => "an expression, or a mapping with `when` or `match`".into(),
            Shape::Steps => "a list of steps".into(),
        }
    }
}

impl Record {
    /// Adds every unknown, repeated and missing field, and what does not fit in the known ones.
    pub fn check(&self, node: &Node, diagnostics: &mut Diagnostics) {
        let Value::Map(entries) = &node.value else {
            diagnostics.add(Code::WrongType, node.span.clone(), format!("expected a mapping, found {}", node.value.kind()), None);
            return;
        };
        duplicates(entries, diagnostics);
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            match self.fields.iter().find(|field| field.name == name) {
                Some(field) => field.shape.check(value, diagnostics),
                None => {
                    let known = self.fields.iter().map(|field| field.name);
                    let help = names::did_you_mean(name, known.clone()).unwrap_or_else(|| {
                        format!("the fields here are {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
                    });
                    diagnostics.add(Code::UnknownField, key.span.clone(), format!("there is no field `{name}` here"), help);
                }
            }
        }
        for field in self.fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|(key, _)| key.text() == Some(field.name)) {
                let place = entries.first().map_or(&node.span, |(key, _)| &key.span);
                diagnostics.add(
                    Code::MissingField,
                    place.clone(),
                    format!("the field `{}` is missing", field.name),
                    Some(field.doc.to_owned()),
                );
            }
        }
    }
}

fn duplicates(entries: &[(Node, Node)], diagnostics: &mut Diagnostics) {
    let mut known = BTreeSet::new();
    for (key, _) in entries {
        if !known.insert(key.text()) {
            let message = format!("`{}` stands here a second time", key.text().unwrap_or_default());
            diagnostics.add(Code::DuplicateField, key.span.clone(), message, "delete one of the two".to_owned());
        }
    }
}

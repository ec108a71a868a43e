//! Reading checked mappings: what is absent or of another type is none; the schema has said so already.

use crate::diagnostics::Span;
use crate::yaml::{Node, Value};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// The entries of a mapping.
pub(super) fn entries(node: &Node) -> &[(Node, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

/// One field of a mapping.
pub(super) fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    entries(node).iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
}

/// The nodes of a list.
pub(super) fn list(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(nodes)) => nodes,
        _ => &[],
    }
}

/// A text with its place.
pub(super) fn spanned(node: &Node) -> Option<Spanned<String>> {
    node.text().map(|text| Spanned { value: text.to_owned(), span: node.span.clone() })
}

/// A text field.
pub(super) fn text(node: &Node, name: &str) -> Option<String> {
    get(node, name).and_then(Node::text).map(str::to_owned)
}

/// A text field with its place.
pub(super) fn spanned_text(node: &Node, name: &str) -> Option<Spanned<String>> {
    get(node, name).and_then(spanned)
}

/// A field that is true or false.
pub(super) fn flag(node: &Node, name: &str) -> Option<bool> {
    match get(node, name)?.value {
        Value::Bool(flag) => Some(flag),
        _ => None,
    }
}

/// A whole number.
pub(super) fn int(node: &Node, name: &str) -> Option<i64> {
    match get(node, name)?.value {
        Value::Int(number) => Some(number),
        _ => None,
    }
}

/// A number, whole or not.
pub(super) fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// The texts of a list of texts.
pub(super) fn texts(node: Option<&Node>) -> Vec<Spanned<String>> {
    list(node).iter().filter_map(spanned).collect()
}

//! YAML behind one function: text in, a tree with a span on every node out; bounded against hostile files.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::diagnostics::{Code, Diagnostics, SourceText, Span};

/// Bytes that a spec may have.
pub const MAX_BYTES: usize = 1 << 20;
/// Levels that a spec may nest.
pub const MAX_DEPTH: usize = 64;
/// Nodes that a spec may have once its aliases are replaced by what they name.
pub const MAX_NODES: usize = 20_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it is written; for an alias, where the node it names is written.
    pub span: Span,
    /// What it is.
    pub value: Value,
    /// First byte of the text, where it stands in the file as it reads.
    verbatim: Option<usize>,
}

/// What a node can be: YAML's core schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Anything else, and all that is quoted.
    Text(String),
    /// Nodes in order.
    List(Vec<Node>),
    /// Entries in order, duplicates included; every key is a text.
    Map(Vec<(Node, Node)>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// The text, where the node is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of a part of the text; the whole scalar's where escapes or line folds stand between the two.
    pub fn text_span(&self, range: Range<usize>) -> Span {
        match (self.verbatim, &self.value) {
            (Some(first), Value::Text(text)) if range.start <= range.end && range.end <= text.len() => {
                Span { source: Arc::clone(&self.span.source), start: first + range.start, end: first + range.end }
            }
            _ => self.span.clone(),
        }
    }
}

impl Value {
    /// The kind as a reader of an error message knows it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads one document. An empty file is [`Value::Null`].
///
/// **Errors** all go to `diagnostics`: [`Code::BrokenYaml`], [`Code::TooLarge`], [`Code::WrongType`] for a key that is no text.
pub fn parse(source: &Arc<SourceText>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut builder = Builder { source, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    match builder.read() {
        Ok(()) => Some(builder.root.unwrap_or_else(|| Node { span: span(source, 0..0), value: Value::Null, verbatim: None })),
        Err(stop) => {
            diagnostics.add(stop.code, stop.span, stop.message, stop.help);
            None
        }
    }
}

/// Why reading ended early.
struct Stop {
    code: Code,
    span: Option<Span>,
    message: String,
    help: Option<String>,
}

/// A collection whose end is not read yet.
struct Open {
    start: usize,
    anchor: usize,
    first_node: usize,
    depth_below: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Builder<'a> {
    source: &'a Arc<SourceText>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn read(&mut self) -> Result<(), Stop> {
        if self.source.text.len() > MAX_BYTES {
            return Err(too_large(None, format!("at most {MAX_BYTES} bytes, found {}", self.source.text.len())));
        }
        let options = granit_parser::options! {
            emit_comments: false,
            strict_indentation: true,
            disallow_directives: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        for next in Parser::new_from_str_with_options(&self.source.text, options) {
            let (event, place) = next.map_err(|error| self.broken(&error))?;
            let bytes = place.byte_range().unwrap_or(0..0);
            if event.tag().is_some() {
                return Err(self.refused(bytes, "specs have no tags", "write the value without the `!`, quoted if it is a text"));
            }
            match event {
                Event::Scalar(text, style, anchor, _) => self.scalar(&text, style, anchor, bytes)?,
                Event::SequenceStart(_, anchor, _) => self.start(anchor, bytes, Items::List(Vec::new()))?,
                Event::MappingStart(_, anchor, _) => self.start(anchor, bytes, Items::Map(Vec::new(), None))?,
                Event::SequenceEnd | Event::MappingEnd => self.end(bytes)?,
                Event::Alias(anchor) => self.alias(anchor, bytes)?,
                Event::DocumentStart(..) if self.root.is_some() => {
                    return Err(self.refused(
                        bytes,
                        "a spec is one document, found a second",
                        "make the second document a file of its own",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, bytes: Range<usize>) -> Result<(), Stop> {
        let raw = &self.source.text[bytes.clone()];
        let verbatim = match style {
            ScalarStyle::Plain if raw == text => Some(bytes.start),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if raw.len() == text.len() + 2 && &raw[1..raw.len() - 1] == text => {
                Some(bytes.start + 1)
            }
            _ => None,
        };
        let value = match style {
            ScalarStyle::Plain if !self.at_key() => plain(text).map_err(|message| Stop {
                code: Code::WrongType,
                span: Some(span(self.source, bytes.clone())),
                message,
                help: None,
            })?,
            _ => Value::Text(text.to_owned()),
        };
        let node = Node { span: span(self.source, bytes), value, verbatim };
        self.count(1, 1, &node.span)?;
        self.finish(node, anchor, 1, 1)
    }

    fn start(&mut self, anchor: usize, bytes: Range<usize>, items: Items) -> Result<(), Stop> {
        let place = span(self.source, bytes.clone());
        self.count(1, 1, &place)?;
        self.open.push(Open { start: bytes.start, anchor, first_node: self.nodes - 1, depth_below: 0, items });
        Ok(())
    }

    fn end(&mut self, bytes: Range<usize>) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, last) = match open.items {
            Items::List(nodes) => {
                let last = nodes.last().map(|node| node.span.end);
                (Value::List(nodes), last)
            }
            Items::Map(entries, _) => {
                let last = entries.last().map(|(key, value)| key.span.end.max(value.span.end));
                (Value::Map(entries), last)
            }
        };
        // A block collection ends at the next token, lines below its last entry; a flow collection at its bracket.
        let flow = matches!(self.source.text.as_bytes().get(bytes.start), Some(b']' | b'}')) && bytes.end == bytes.start + 1;
        let end = if flow { bytes.end } else { last.unwrap_or(bytes.end).max(open.start) };
        let node = Node { span: span(self.source, open.start..end), value, verbatim: None };
        self.finish(node, open.anchor, self.nodes - open.first_node, open.depth_below + 1)
    }

    fn alias(&mut self, anchor: usize, bytes: Range<usize>) -> Result<(), Stop> {
        let place = span(self.source, bytes.clone());
        let Some(known) = self.anchors.get(&anchor) else {
            return Err(self.refused(bytes, "an alias inside the node that it names", "write the value out"));
        };
        let (nodes, depth) = (known.nodes, known.depth);
        self.count(nodes, depth, &place)?;
        let node = self.anchors[&anchor].node.clone();
        self.finish(node, 0, nodes, depth)
    }

    /// Checks the bounds before anything is kept.
    fn count(&mut self, nodes: usize, depth: usize, place: &Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(too_large(place.clone(), format!("at most {MAX_NODES} nodes, aliases replaced by what they name")));
        }
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_large(place.clone(), format!("at most {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    fn finish(&mut self, node: Node, anchor: usize, nodes: usize, depth: usize) -> Result<(), Stop> {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.depth_below = open.depth_below.max(depth);
        match &mut open.items {
            Items::List(nodes) => nodes.push(node),
            Items::Map(entries, key) => match key.take() {
                Some(key) => entries.push((key, node)),
                None if node.text().is_some() => *key = Some(node),
                None => {
                    return Err(Stop {
                        code: Code::WrongType,
                        message: format!("a key must be a text, found {}", node.value.kind()),
                        span: Some(node.span),
                        help: None,
                    });
                }
            },
        }
        Ok(())
    }

    fn at_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { items: Items::Map(_, None), .. }))
    }

    fn broken(&self, error: &ScanError) -> Stop {
        use granit_parser::ErrorKind as Kind;
        let text = &self.source.text;
        let mut start = error.marker().byte_offset().unwrap_or(0).min(text.len());
        if start == text.len() {
            start = text.trim_end().len();
        }
        let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
        let place = span(self.source, start..end);
        let help = match error.kind() {
            Kind::RecursionLimitExceeded => return too_large(place, format!("at most {MAX_DEPTH} levels")),
            Kind::TabNotAllowed | Kind::TabInBlockIndentation | Kind::TabInIndentation => "indent with blanks",
            Kind::UnknownAnchor => "name the node with `&` before the alias",
            Kind::MappingValueNotAllowed | Kind::InvalidMappingValueWhitespace => "quote a text that holds `: `",
            Kind::UnclosedQuotedScalar | Kind::InvalidQuotedScalarIndent => "close the quote that opens above",
            Kind::InvalidTrailingDoubleQuotedScalar | Kind::InvalidTrailingSingleQuotedScalar => {
                "put the whole value in single quotes where it starts with a double quote"
            }
            _ => "the mistake is here or just before",
        };
        Stop { code: Code::BrokenYaml, span: Some(place), message: error.kind().to_string(), help: Some(help.to_owned()) }
    }

    fn refused(&self, bytes: Range<usize>, message: &str, help: &str) -> Stop {
        Stop { code: Code::BrokenYaml, span: Some(span(self.source, bytes)), message: message.to_owned(), help: Some(help.to_owned()) }
    }
}

/// A plain scalar by YAML's core schema.
fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | "+.inf" => Value::Float(f64::INFINITY),
        "-.inf" => Value::Float(f64::NEG_INFINITY),
        ".nan" => Value::Float(f64::NAN),
        _ => return number(text),
    })
}

fn number(text: &str) -> Result<Value, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = |parsed: Result<i64, std::num::ParseIntError>| {
        parsed.map(Value::Int).map_err(|_| format!("a whole number must fit in 64 bits, found `{text}`"))
    };
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| all(digits, radix)) {
            return whole(i64::from_str_radix(digits, radix));
        }
    }
    if all(digits, 10) {
        return whole(text.parse());
    }
    let decimal = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|digit: char| digit.is_ascii_digit())
        && digits.chars().all(|each| each.is_ascii_digit() || matches!(each, '.' | 'e' | 'E' | '+' | '-'));
    Ok(match text.parse() {
        Ok(number) if decimal => Value::Float(number),
        _ => Value::Text(text.to_owned()),
    })
}

fn span(source: &Arc<SourceText>, bytes: Range<usize>) -> Span {
    Span { source: Arc::clone(source), start: bytes.start, end: bytes.end }
}

fn too_large(span: impl Into<Option<Span>>, message: String) -> Stop {
    Stop { code: Code::TooLarge, span: span.into(), message, help: Some("split the file, or write repeated parts as a block".into()) }
}

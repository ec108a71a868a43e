//! Expressions: what each name means and of what kind each value is.

use super::library::Library;
use super::scope::{Scope, Weights};
use super::typed::{Kind, Path, PathPart, Typed, TypedNode};
use crate::diagnostics::{Code, Diagnostics, Span};
use crate::spec::expression::{Binary, Expression, ExpressionKind, Unary};
use ipfs_accelerate_runtime::graph::operator_by_name;

/// Resolves the expressions of one model or block.
pub(super) struct Resolver<'a> {
    pub(super) library: &'a Library,
    pub(super) scope: Scope,
    pub(super) diagnostics: &'a mut Diagnostics,
    /// True once a step or value was left out, whether its mistake is news or not.
    pub(super) refused: bool,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(library: &'a Library, scope: Scope, diagnostics: &'a mut Diagnostics) -> Self {
        Self { library, scope, diagnostics, refused: false }
    }
}

impl Resolver<'_> {
    /// The expression with its meaning; none where something in it is wrong, which is reported.
    pub(super) fn expression(&mut self, expression: &Expression) -> Option<Typed> {
        let typed = |kind, node| Some(Typed { kind, node, span: expression.span.clone(), text: expression.text.clone() });
        match &expression.kind {
            ExpressionKind::Int(number) => typed(Kind::Int, TypedNode::Int(*number)),
            ExpressionKind::Float(number) => typed(Kind::Float, TypedNode::Float(*number)),
            ExpressionKind::Bool(flag) => typed(Kind::Bool, TypedNode::Bool(*flag)),
            ExpressionKind::Text(text) => typed(Kind::Text, TypedNode::Text(text.clone())),
            ExpressionKind::Name(name) => {
                let (name_kind, kind) = self.scope.read(name, &expression.span, self.diagnostics)?;
                typed(kind?, TypedNode::Name(name_kind, name.clone()))
            }
            ExpressionKind::List(list) => {
                let list = self.expressions(list)?;
                let kind = match list.first().map(|first| first.kind) {
                    None | Some(Kind::Int) => Kind::Ints,
                    Some(Kind::Tensor) => Kind::Tensors,
                    Some(other) => return self.wrong_kind(&list[0], "tensors or whole numbers in a list", other),
                };
                let each = if kind == Kind::Ints { Kind::Int } else { Kind::Tensor };
                if let Some(other) = list.iter().find(|typed| typed.kind != each) {
                    return self.wrong_kind(other, &format!("{each}, as the first of the list"), other.kind);
                }
                typed(kind, TypedNode::List(list))
            }
            ExpressionKind::Index(list, at) => {
                let (list, at) = (self.expression(list), self.of_kind(at, Kind::Int));
                let (list, at) = (list?, Box::new(at?));
                match list.kind {
                    Kind::Tensors => typed(Kind::Tensor, TypedNode::Index(Box::new(list), at)),
                    Kind::Ints => typed(Kind::Int, TypedNode::Index(Box::new(list), at)),
                    other => self.wrong_kind(&list, "a list", other),
                }
            }
            ExpressionKind::Unary(Unary::Not, operand) => {
                let operand = self.of_kind(operand, Kind::Bool)?;
                typed(Kind::Bool, TypedNode::Not(Box::new(operand)))
            }
            ExpressionKind::Unary(Unary::Negate, operand) => {
                let operand = self.expression(operand)?;
                match operand.kind {
                    Kind::Tensor => match operator_by_name("neg") {
                        Some(neg) => typed(Kind::Tensor, TypedNode::Operator(neg, vec![Some(operand)])),
                        None => self.wrong_kind(&operand, "a number", Kind::Tensor),
                    },
                    Kind::Float => {
                        let zero = Typed { kind: Kind::Float, node: TypedNode::Float(0.0), span: operand.span.clone(), text: "0.0".into() };
                        typed(Kind::Float, TypedNode::Arithmetic(Binary::Sub, Box::new(zero), Box::new(operand)))
                    }
                    other => self.wrong_kind(&operand, "a tensor or a number with a decimal point", other),
                }
            }
            ExpressionKind::Binary(operator, a, b) => {
                let (a, b) = (self.expression(a), self.expression(b));
                let (a, b) = (a?, b?);
                let (kind, node) = self.binary(*operator, a, b)?;
                typed(kind, node)
            }
            ExpressionKind::Call(call) => {
                let (kind, node) = self.call(call, expression)?;
                typed(kind, node)
            }
        }
    }

    /// All expressions; all their mistakes are reported.
    pub(super) fn expressions(&mut self, list: &[Expression]) -> Option<Vec<Typed>> {
        let list: Vec<_> = list.iter().map(|each| self.expression(each)).collect();
        list.into_iter().collect()
    }

    /// The expression, if it is of this kind; a whole number serves as a number.
    pub(super) fn of_kind(&mut self, expression: &Expression, kind: Kind) -> Option<Typed> {
        let typed = self.expression(expression)?;
        self.expect(typed, kind)
    }

    /// The value, if it is of this kind; a whole number serves as a number.
    pub(super) fn expect(&mut self, typed: Typed, kind: Kind) -> Option<Typed> {
        if typed.kind == kind || (kind == Kind::Float && typed.kind == Kind::Int) {
            return Some(typed);
        }
        let found = typed.kind;
        self.wrong_kind(&typed, &kind.to_string(), found)
    }

    pub(super) fn wrong_kind<T>(&mut self, typed: &Typed, expected: &str, found: Kind) -> Option<T> {
        let number = expected == Kind::Tensor.to_string() && found.is_number();
        let help = number.then(|| format!("`scalar({}, \"float32\")` is a number as a tensor", typed.text));
        self.diagnostics.add(Code::WrongKind, typed.span.clone(), format!("expected {expected}, found {found}"), help);
        None
    }

    fn binary(&mut self, operator: Binary, a: Typed, b: Typed) -> Option<(Kind, TypedNode)> {
        let pair = |a, b| (Box::new(a), Box::new(b));
        match operator {
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => {
                if a.kind == Kind::Tensor || b.kind == Kind::Tensor {
                    let name = match operator {
                        Binary::Add => "add",
                        Binary::Sub => "sub",
                        Binary::Mul => "mul",
                        _ => "div",
                    };
                    for side in [&a, &b] {
                        if side.kind != Kind::Tensor && !side.kind.is_number() {
                            return self.wrong_kind(side, "a tensor or a number", side.kind);
                        }
                    }
                    return Some((Kind::Tensor, TypedNode::Operator(operator_by_name(name)?, vec![Some(a), Some(b)])));
                }
                for side in [&a, &b] {
                    if !side.kind.is_number() {
                        return self.wrong_kind(side, "a number or a tensor", side.kind);
                    }
                }
                let kind = if a.kind == Kind::Int && b.kind == Kind::Int { Kind::Int } else { Kind::Float };
                let (a, b) = pair(a, b);
                Some((kind, TypedNode::Arithmetic(operator, a, b)))
            }
            Binary::And | Binary::Or => {
                let (a, b) = pair(self.expect(a, Kind::Bool)?, self.expect(b, Kind::Bool)?);
                Some((Kind::Bool, TypedNode::Logic(operator, a, b)))
            }
            _ => {
                let ordered = !matches!(operator, Binary::Equal | Binary::NotEqual);
                for side in [&a, &b] {
                    let fits = side.kind.is_number() || (!ordered && matches!(side.kind, Kind::Text | Kind::Bool));
                    if !fits {
                        let help = "comparisons are of config values; tensors are compared by `equal`, `greater`, …".to_owned();
                        let message = format!("`{}` compares config values, found {}", operator.symbol(), side.kind);
                        self.diagnostics.add(Code::WrongKind, side.span.clone(), message, help);
                        return None;
                    }
                }
                if a.kind != b.kind && !(a.kind.is_number() && b.kind.is_number()) {
                    return self.wrong_kind(&b, &format!("{}, as on the left", a.kind), b.kind);
                }
                let (a, b) = pair(a, b);
                Some((Kind::Bool, TypedNode::Compare(operator, a, b)))
            }
        }
    }

    fn refuse_path(&mut self, span: &Span, message: String, help: &str) -> Option<Path> {
        self.diagnostics.add(Code::WrongPrefix, span.clone(), message, help.to_owned());
        None
    }

    /// A weight path: text with counters in braces, in a head perhaps after `base:`.
    pub(super) fn path(&mut self, text: &str, span: &Span) -> Option<Path> {
        if self.scope.weights == Weights::None {
            return self.refuse_path(span, "this block has no weights".into(), "give it a parameter of type `prefix`");
        }
        let (base, rest) = match text.strip_prefix("base:") {
            Some(_) if self.scope.weights != Weights::WithBase => {
                return self.refuse_path(
                    span,
                    "`base:` belongs in heads; here the path nests under its surroundings".into(),
                    "leave it out",
                );
            }
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parts = Vec::new();
        let mut rest = rest;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return self.refuse_path(span, format!("`{{` without `}}` in `{text}`"), "counters stand in braces: `layer.{layer}`");
            };
            if !before.is_empty() {
                parts.push(PathPart::Text(before.to_owned()));
            }
            let (name_kind, kind) = self.scope.read(name, span, self.diagnostics)?;
            if kind? != Kind::Int {
                self.diagnostics.add(Code::WrongPrefix, span.clone(), format!("`{name}` in a path must be a whole number"), None);
                return None;
            }
            parts.push(PathPart::Number(name_kind, name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(PathPart::Text(rest.to_owned()));
        }
        let words = text.strip_prefix("base:").unwrap_or(text);
        let tidy =
            words.is_empty() || words.split('.').all(|word| !word.is_empty() && !word.contains(char::is_whitespace) && !word.contains(':'));
        if !tidy {
            return self.refuse_path(
                span,
                format!("`{text}` is no weight path"),
                "words joined by single dots, as the checkpoint spells them",
            );
        }
        Some(Path { base, parts })
    }
}

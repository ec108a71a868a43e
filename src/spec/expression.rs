//! Expressions: `syn` reads them, a small tree with places in the YAML comes out, everything else is refused.

use std::ops::Range;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned as _;

use crate::diagnostics::{Code, Diagnostics, Span};
use crate::yaml::{Node, Value};

/// Bytes of one expression.
const MAX_BYTES: usize = 2_000;
/// Brackets, operators and calls within one another.
const MAX_DEPTH: usize = 64;

/// An expression and its place.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
    /// As it is written.
    pub text: String,
}

/// What an expression can be.
#[derive(Clone, Debug)]
pub enum ExpressionKind {
    /// A name.
    Name(String),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// `"text"`
    Text(String),
    /// `true`, `false`
    Bool(bool),
    /// `[a, b]`
    List(Vec<Expression>),
    /// `list[0]`
    Index(Box<Expression>, Box<Expression>),
    /// `function(a, b, option = c)`
    Call(Call),
    /// `-a`, `!a`
    Unary(Unary, Box<Expression>),
    /// `a + b`
    Binary(Binary, Box<Expression>, Box<Expression>),
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub function: String,
    /// Its place.
    pub function_span: Span,
    /// Arguments by position.
    pub positional: Vec<Expression>,
    /// Arguments by name.
    pub named: Vec<Named>,
}

/// `option = value` in a call.
#[derive(Clone, Debug)]
pub struct Named {
    /// The parameter.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// What it is given.
    pub value: Expression,
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unary {
    Negate,
    Not,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

impl Binary {
    /// As it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Mul => "*",
            Binary::Div => "/",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessOrEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterOrEqual => ">=",
            Binary::And => "&&",
            Binary::Or => "||",
        }
    }
}

/// Reads the expression that a YAML scalar holds: a text is parsed, numbers and truth values stand for themselves.
pub fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Expression> {
    let literal = |kind, text: String| Some(Expression { kind, span: node.span.clone(), text });
    match &node.value {
        Value::Int(number) => literal(ExpressionKind::Int(*number), number.to_string()),
        Value::Float(number) => literal(ExpressionKind::Float(*number), format!("{number:?}")),
        Value::Bool(flag) => literal(ExpressionKind::Bool(*flag), flag.to_string()),
        Value::Text(text) => Reader { node, text, depth: 0 }
            .read()
            .map_err(|refused| diagnostics.add(Code::BadExpression, node.text_span(refused.range), refused.message, refused.help))
            .ok(),
        other => {
            diagnostics.add(Code::WrongType, node.span.clone(), format!("expected an expression, found {}", other.kind()), None);
            None
        }
    }
}

struct Refused {
    range: Range<usize>,
    message: String,
    help: Option<String>,
}

struct Reader<'a> {
    node: &'a Node,
    text: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Expression, Refused> {
        let whole = 0..self.text.len();
        if self.text.len() > MAX_BYTES {
            return Err(refuse(
                whole,
                format!("an expression of at most {MAX_BYTES} bytes, found {}", self.text.len()),
                "split it into steps",
            ));
        }
        if !self.text.is_ascii() {
            let start = self.text.find(|letter: char| !letter.is_ascii()).unwrap_or(0);
            let end = start + self.text[start..].chars().next().map_or(0, char::len_utf8);
            return Err(Refused { range: start..end, message: "expressions are ASCII".into(), help: None });
        }
        if self.text.trim().is_empty() {
            return Err(Refused { range: whole, message: "expected an expression, found nothing".into(), help: None });
        }
        let tokens: TokenStream = self.text.parse().map_err(|error: proc_macro2::LexError| Refused {
            range: self.range(error.span().byte_range()),
            message: format!("not an expression: {error}"),
            help: Some("texts stand in double quotes, brackets come in pairs".into()),
        })?;
        self.check_tokens(tokens.clone(), 0)?;
        let parsed: syn::Expr = syn::parse2(tokens).map_err(|error| Refused {
            range: self.range(error.span().byte_range()),
            message: format!("not an expression: {error}"),
            help: None,
        })?;
        self.convert(&parsed)
    }

    /// Refuses what the language does not have before `syn` sees it, so that its recursion is bounded by ours.
    fn check_tokens(&self, tokens: TokenStream, depth: usize) -> Result<(), Refused> {
        let (mut run, mut assigned) = (0, depth == 0);
        for token in tokens {
            let range = self.range(token.span().byte_range());
            match token {
                TokenTree::Group(group) => {
                    run = 0;
                    if depth >= MAX_DEPTH / 2 {
                        return Err(refuse(range, format!("at most {} brackets within one another", MAX_DEPTH / 2), "split it into steps"));
                    }
                    if group.delimiter() == Delimiter::Brace {
                        return Err(Refused { range, message: "`{` is not part of expressions".into(), help: None });
                    }
                    self.check_tokens(group.stream(), depth + 1)?;
                }
                TokenTree::Punct(punct) => {
                    run += 1;
                    let known = "+-*/=!<>&|,".contains(punct.as_char());
                    if !known || run > 4 {
                        return Err(Refused {
                            range,
                            message: format!("`{}` is not part of expressions here", punct.as_char()),
                            help: None,
                        });
                    }
                    // `=` names one argument between commas; in a row `syn` would recurse for each.
                    match punct.as_char() {
                        ',' => (run, assigned) = (0, depth == 0),
                        '=' if run == 1 && punct.spacing() == Spacing::Alone => {
                            if std::mem::replace(&mut assigned, true) {
                                return Err(refuse(
                                    range,
                                    "`=` names an argument of a call; it stands nowhere else".into(),
                                    "equality is `==`",
                                ));
                            }
                            run = 0;
                        }
                        _ => {}
                    }
                }
                TokenTree::Ident(word) => {
                    run = 0;
                    let word = word.to_string();
                    if word != "true" && word != "false" && syn::parse_str::<syn::Ident>(&word).is_err() {
                        let help = format!("`{word}` is a word of Rust; the operator `where` is spelled `where_`");
                        return Err(refuse(range, format!("`{word}` is not part of expressions"), &help));
                    }
                }
                TokenTree::Literal(_) => run = 0,
            }
        }
        Ok(())
    }

    fn convert(&mut self, parsed: &syn::Expr) -> Result<Expression, Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("at most {MAX_DEPTH} operators and calls within one another");
            return Err(refuse(self.place(parsed), message, "split it into steps"));
        }
        let kind = self.kind(parsed)?;
        self.depth -= 1;
        let range = self.place(parsed);
        Ok(Expression { kind, span: self.node.text_span(range.clone()), text: self.text[range].to_owned() })
    }

    fn kind(&mut self, parsed: &syn::Expr) -> Result<ExpressionKind, Refused> {
        match parsed {
            syn::Expr::Paren(inner) => Ok(self.convert(&inner.expr)?.kind),
            syn::Expr::Path(path) => self.name(path).map(ExpressionKind::Name),
            syn::Expr::Lit(literal) => self.literal(&literal.lit),
            syn::Expr::Array(list) => Ok(ExpressionKind::List(list.elems.iter().map(|each| self.convert(each)).collect::<Result<_, _>>()?)),
            syn::Expr::Index(index) => {
                Ok(ExpressionKind::Index(Box::new(self.convert(&index.expr)?), Box::new(self.convert(&index.index)?)))
            }
            syn::Expr::Call(call) => self.call(call).map(ExpressionKind::Call),
            syn::Expr::Unary(unary) => {
                let operator = match unary.op {
                    syn::UnOp::Neg(_) => Unary::Negate,
                    syn::UnOp::Not(_) => Unary::Not,
                    _ => return Err(self.foreign(parsed)),
                };
                let operand = self.convert(&unary.expr)?;
                Ok(match (operator, operand.kind) {
                    (Unary::Negate, ExpressionKind::Int(number)) => ExpressionKind::Int(-number),
                    (Unary::Negate, ExpressionKind::Float(number)) => ExpressionKind::Float(-number),
                    (operator, kind) => ExpressionKind::Unary(operator, Box::new(Expression { kind, ..operand })),
                })
            }
            syn::Expr::Binary(binary) => {
                let operator = match binary.op {
                    syn::BinOp::Add(_) => Binary::Add,
                    syn::BinOp::Sub(_) => Binary::Sub,
                    syn::BinOp::Mul(_) => Binary::Mul,
                    syn::BinOp::Div(_) => Binary::Div,
                    syn::BinOp::Eq(_) => Binary::Equal,
                    syn::BinOp::Ne(_) => Binary::NotEqual,
                    syn::BinOp::Lt(_) => Binary::Less,
                    syn::BinOp::Le(_) => Binary::LessOrEqual,
                    syn::BinOp::Gt(_) => Binary::Greater,
                    syn::BinOp::Ge(_) => Binary::GreaterOrEqual,
                    syn::BinOp::And(_) => Binary::And,
                    syn::BinOp::Or(_) => Binary::Or,
                    _ => return Err(self.foreign(parsed)),
                };
                Ok(ExpressionKind::Binary(operator, Box::new(self.convert(&binary.left)?), Box::new(self.convert(&binary.right)?)))
            }
            _ => Err(self.foreign(parsed)),
        }
    }

    fn call(&mut self, call: &syn::ExprCall) -> Result<Call, Refused> {
        let syn::Expr::Path(path) = &*call.func else {
            return Err(Refused { range: self.place(&call.func), message: "only a name can be called".into(), help: None });
        };
        let function = self.name(path)?;
        let function_span = self.node.text_span(self.place(&call.func));
        let (mut positional, mut named) = (Vec::new(), Vec::<Named>::new());
        for argument in &call.args {
            match argument {
                syn::Expr::Assign(assign) => {
                    let range = self.place(&assign.left);
                    let syn::Expr::Path(path) = &*assign.left else {
                        return Err(Refused { range, message: "the left of `=` is a parameter's name".into(), help: None });
                    };
                    named.push(Named { name: self.name(path)?, span: self.node.text_span(range), value: self.convert(&assign.right)? });
                }
                _ if !named.is_empty() => {
                    return Err(refuse(self.place(argument), "an argument by position after one by name".into(), "give it by name"));
                }
                _ => positional.push(self.convert(argument)?),
            }
        }
        Ok(Call { function, function_span, positional, named })
    }

    fn name(&self, path: &syn::ExprPath) -> Result<String, Refused> {
        match path.path.get_ident() {
            Some(name) => Ok(name.to_string()),
            None => Err(Refused { range: self.range(path.span().byte_range()), message: "a name is one word".into(), help: None }),
        }
    }

    fn literal(&self, literal: &syn::Lit) -> Result<ExpressionKind, Refused> {
        let range = self.range(literal.span().byte_range());
        let wrong = |message: String| Refused { range: range.clone(), message, help: None };
        match literal {
            syn::Lit::Str(text) if text.suffix().is_empty() => Ok(ExpressionKind::Text(text.value())),
            syn::Lit::Bool(flag) => Ok(ExpressionKind::Bool(flag.value)),
            syn::Lit::Int(number) if number.suffix().is_empty() => {
                number.base10_parse().map(ExpressionKind::Int).map_err(|_| wrong("a whole number must fit in 64 bits".into()))
            }
            syn::Lit::Float(number) if number.suffix().is_empty() => match number.base10_parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(ExpressionKind::Float(number)),
                _ => Err(wrong("a number must be finite".into())),
            },
            _ => Err(wrong("not a number, a text in double quotes, `true` or `false`".into())),
        }
    }

    fn foreign(&self, parsed: &syn::Expr) -> Refused {
        let help = "expressions are calls, names, numbers, texts, lists, `+ - * /`, comparisons, `&& || !` and parentheses";
        refuse(self.place(parsed), "not part of the spec language".into(), help)
    }

    fn place(&self, parsed: &syn::Expr) -> Range<usize> {
        self.range(parsed.span().byte_range())
    }

    /// A range that lies in the text, whatever the parser says.
    fn range(&self, range: Range<usize>) -> Range<usize> {
        if range.start < range.end && range.end <= self.text.len() { range } else { 0..self.text.len() }
    }
}

fn refuse(range: Range<usize>, message: String, help: &str) -> Refused {
    Refused { range, message, help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostics::SourceText;

    fn parse(text: &str) -> Result<String, String> {
        let source = Arc::new(SourceText { name: "test.yaml".into(), text: format!("'{text}'") });
        let mut diagnostics = Diagnostics::default();
        let node = crate::yaml::parse(&source, &mut diagnostics).unwrap();
        match read(&node, &mut diagnostics) {
            Some(expression) => Ok(show(&expression)),
            None => {
                let one = diagnostics.into_sorted().remove(0);
                let span = one.span.unwrap();
                Err(format!("{} at `{}`", one.message, &source.text[span.start..span.end]))
            }
        }
    }

    fn show(expression: &Expression) -> String {
        match &expression.kind {
            ExpressionKind::Name(name) => name.clone(),
            ExpressionKind::Int(number) => number.to_string(),
            ExpressionKind::Float(number) => format!("{number:?}"),
            ExpressionKind::Text(text) => format!("{text:?}"),
            ExpressionKind::Bool(flag) => flag.to_string(),
            ExpressionKind::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(" ")),
            ExpressionKind::Index(list, at) => format!("{}[{}]", show(list), show(at)),
            ExpressionKind::Unary(operator, operand) => format!("({operator:?} {})", show(operand)),
            ExpressionKind::Binary(operator, a, b) => format!("({} {} {})", operator.symbol(), show(a), show(b)),
            ExpressionKind::Call(call) => {
                let named = call.named.iter().map(|named| format!("{}={}", named.name, show(&named.value)));
                format!("{}({})", call.function, call.positional.iter().map(show).chain(named).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn expressions_have_the_usual_precedence() {
        assert_eq!(parse("a + b * -2 - f(x, [1, 2], k = 1.5)[0]").unwrap(), "(- (+ a (* b -2)) f(x [1 2] k=1.5)[0])");
        assert_eq!(parse("a == 1 && !(b < 2.0) || c").unwrap(), "(|| (&& (== a 1) (Not (< b 2.0))) c)");
        assert_eq!(parse("where_(\"x\")").unwrap(), "where_(\"x\")");
    }

    #[test]
    fn what_the_language_lacks_is_refused_at_its_place() {
        for (text, expected) in [
            ("a + if", "`if` is not part of expressions at `if`"),
            ("a.b", "`.` is not part of expressions here at `.`"),
            ("{ 1 }", "`{` is not part of expressions at `{ 1 }`"),
            ("a % b", "`%` is not part of expressions here at `%`"),
            ("-----a", "`-` is not part of expressions here at `-`"),
            ("|a| a", "not part of the spec language at `|a| a`"),
            ("f(a = 1, 2)", "an argument by position after one by name at `2`"),
            ("99999999999999999999", "a whole number must fit in 64 bits at `99999999999999999999`"),
            ("1f32 + 2", "not a number, a text in double quotes, `true` or `false` at `1f32`"),
            ("1e999", "a number must be finite at `1e999`"),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(parse(&format!("{}a{}", "(".repeat(40), ")".repeat(40))).unwrap_err().contains("brackets"));
        assert!(parse(&format!("a{}", "+a".repeat(100))).unwrap_err().contains("within one another"));
        assert!(parse(&"a".repeat(3_000)).unwrap_err().contains("2000 bytes"));
        assert!(parse(&"|".repeat(1_000)).is_err());
        assert!(parse(&"a = ".repeat(400)).is_err());
    }
}

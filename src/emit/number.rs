//! Config values as Rust: texts, truth values, whole numbers and numbers.

use ipfs_accelerate_runtime::DataType;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::body::Body;
use super::value::float_literal;
use crate::plan::typed::{Kind, NameKind, Typed, TypedNode};
use crate::spec::expression::Binary;

impl Body<'_> {
    pub(super) fn text(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Text(text) => quote!(#text),
            TypedNode::Name(NameKind::Config, name) => {
                let name = format_ident!("{name}");
                quote!(config.#name.as_str())
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A truth value of the config.
    pub(super) fn condition(&mut self, typed: &Typed) -> TokenStream {
        self.flag(typed)
    }

    pub(super) fn flag(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Bool(flag) => quote!(#flag),
            TypedNode::Not(of) => {
                let of = self.operand_of(of, 4);
                quote!(!#of)
            }
            TypedNode::Logic(operator, a, b) => {
                let level = precedence(typed);
                let (a, b) = (self.operand_of(a, level), self.operand_of(b, level));
                if *operator == Binary::And { quote!(#a && #b) } else { quote!(#a || #b) }
            }
            TypedNode::Compare(operator, a, b) => {
                let float = a.kind == Kind::Float || b.kind == Kind::Float;
                let mut side = |typed: &Typed| match typed.kind {
                    Kind::Text => self.text(typed),
                    Kind::Bool => self.flag(typed),
                    _ if float => self.float(typed),
                    _ => self.number(typed),
                };
                let (a, b) = (side(a), side(b));
                match operator {
                    Binary::Equal => quote!(#a == #b),
                    Binary::NotEqual => quote!(#a != #b),
                    Binary::Less => quote!(#a < #b),
                    Binary::LessOrEqual => quote!(#a <= #b),
                    Binary::Greater => quote!(#a > #b),
                    _ => quote!(#a >= #b),
                }
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A truth value inside another, in parentheses where it binds less.
    fn operand_of(&mut self, typed: &Typed, level: u8) -> TokenStream {
        let tokens = self.flag(typed);
        if precedence(typed) < level { quote!((#tokens)) } else { tokens }
    }

    /// A whole number, as `usize`.
    pub(super) fn number(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Int(number) => {
                let number = Literal::i64_unsuffixed(*number);
                quote!(#number)
            }
            TypedNode::Size(of, axis) => {
                let of = self.value(of).tokens;
                let axis = Literal::i64_unsuffixed(*axis);
                quote!(#of.size(#axis)?)
            }
            TypedNode::FloorDivide(a, b) => {
                let (a_text, b_text) = (&a.text, &b.text);
                let (left, right) = (self.number(a), self.number(b));
                if self.tried {
                    return quote!(usize::checked_div(#left, #right).unwrap_or_default());
                }
                let (a, b) = (left, right);
                let function = self.function("floor_divide");
                quote!(#function((#a_text, #a), (#b_text, #b))?)
            }
            TypedNode::LastAxis(of) => {
                let of = self.value(of).tokens;
                quote!(#of.shape().len().saturating_sub(1))
            }
            TypedNode::Arithmetic(operator, a, b) => {
                let (a_text, b_text) = (&a.text, &b.text);
                let level = precedence(typed);
                let (left, right) = (self.number(a), self.number(b));
                let (divide, subtract) = (self.function("divide"), self.function("subtract"));
                match operator {
                    Binary::Div if self.tried => quote!(usize::checked_div(#left, #right).unwrap_or_default()),
                    Binary::Sub if self.tried => quote!(usize::saturating_sub(#left, #right)),
                    Binary::Div => quote!(#divide((#a_text, #left), (#b_text, #right))?),
                    Binary::Sub => quote!(#subtract((#a_text, #left), (#b_text, #right))?),
                    _ => {
                        let left = if precedence(a) < level { quote!((#left)) } else { left };
                        let right = if precedence(b) < level { quote!((#right)) } else { right };
                        if *operator == Binary::Add { quote!(#left + #right) } else { quote!(#left * #right) }
                    }
                }
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A number, as `f64`.
    pub(super) fn float(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Int(number) => float_literal(*number as f64),
            TypedNode::Float(number) => float_literal(*number),
            TypedNode::Lowest(data_type) => match data_type {
                DataType::Float32 => quote!(f64::from(f32::MIN)),
                other => float_literal(crate::plan::lowest(*other)),
            },
            TypedNode::Sqrt(of) => {
                let simple = matches!(of.node, TypedNode::Name(..)) && of.kind == Kind::Float;
                let of = self.float(of);
                if simple { quote!(#of.sqrt()) } else { quote!((#of).sqrt()) }
            }
            _ if typed.kind == Kind::Int => {
                let number = self.number(typed);
                let simple = matches!(typed.node, TypedNode::Name(..) | TypedNode::Size(..) | TypedNode::LastAxis(_));
                if simple { quote!(#number as f64) } else { quote!((#number) as f64) }
            }
            TypedNode::Arithmetic(operator, a, b) => {
                let (left, right) = (self.float(a), self.float(b));
                let level = precedence(typed);
                let left = if precedence(a) < level { quote!((#left)) } else { left };
                let right = if precedence(b) <= level { quote!((#right)) } else { right };
                match operator {
                    Binary::Add => quote!(#left + #right),
                    Binary::Sub => quote!(#left - #right),
                    Binary::Mul => quote!(#left * #right),
                    _ => quote!(#left / #right),
                }
            }
            _ => self.value(typed).tokens,
        }
    }
}

/// How tightly an expression binds; the greater the tighter.
fn precedence(typed: &Typed) -> u8 {
    match &typed.node {
        TypedNode::Logic(Binary::Or, ..) => 1,
        TypedNode::Logic(..) => 2,
        TypedNode::Compare(..) => 3,
        TypedNode::Arithmetic(Binary::Add | Binary::Sub, ..) => 5,
        TypedNode::Arithmetic(..) => 6,
        _ => 9,
    }
}

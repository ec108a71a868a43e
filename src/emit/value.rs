//! Expressions as Rust, and how they hold their value.

use ipfs_accelerate_runtime::DataType;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::body::Body;
use crate::plan::typed::{Kind, NameKind, Path, PathPart, Typed, TypedNode};

/// Tokens, and how they hold their value.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) tokens: TokenStream,
    pub(super) form: Form,
    /// The `Result` that the value is taken from by `?`, where that is all there is to it.
    pub(super) result: Option<TokenStream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A value of its own.
    Owned,
    /// A variable that owns its value.
    Place,
    /// A reference.
    Reference,
}

impl Body<'_> {
    /// An expression of any kind.
    pub(super) fn value(&mut self, typed: &Typed) -> Code {
        match &typed.node {
            TypedNode::List(list) if typed.kind == Kind::Ints => {
                let sizes: Vec<_> = list.iter().map(|each| self.number(each)).collect();
                owned(quote!([#(#sizes),*]))
            }
            TypedNode::List(list) => {
                let tensors: Vec<_> = (0..list.len()).map(|index| self.ordered(&list[index], &list[index + 1..]).owned()).collect();
                owned(quote!([#(#tensors),*]))
            }
            TypedNode::Name(name_kind, name) => self.name(*name_kind, name, typed.kind),
            TypedNode::Bicubic(from, to) => {
                let (from, to) = (self.value(from).reference(), self.value(to).reference());
                fallible(quote!(builder.bicubic(#from, #to)))
            }
            TypedNode::Index(list, at) => {
                let list = self.value(list).tokens;
                let at = self.number(at);
                Code { tokens: quote!(#list[#at]), form: Form::Place, result: None }
            }
            TypedNode::Operator(operator, arguments) => self.operator(operator, arguments),
            TypedNode::Block(index, arguments) => self.block(*index, arguments),
            TypedNode::Weight(path, sizes) => {
                let sizes: Vec<_> = sizes.iter().map(|size| self.number(size)).collect();
                let scope = if path.base && !self.at_base { quote!(weights.base()) } else { quote!(weights) };
                let path = match self.path(path) {
                    (text, true) => quote!(&#text),
                    (text, false) => text,
                };
                fallible(quote!(#scope.tensor(#path, &[#(#sizes),*])))
            }
            TypedNode::Shape(of) => {
                let of = self.value(of).tokens;
                Code { tokens: quote!(#of.shape()), form: Form::Reference, result: None }
            }
            TypedNode::Range(count) => {
                let count = self.number(count);
                fallible(quote!(builder.range(#count)))
            }
            TypedNode::Scalar(number, data_type) => {
                let (number, data_type) = (self.float(number), self::data_type(*data_type));
                fallible(quote!(builder.scalar(#data_type, #number)))
            }
            _ => owned(match typed.kind {
                Kind::Bool => self.flag(typed),
                Kind::Float => self.float(typed),
                Kind::Text => self.text(typed),
                _ => self.number(typed),
            }),
        }
    }

    fn name(&self, name_kind: NameKind, name: &str, kind: Kind) -> Code {
        let variable = format_ident!("{name}");
        match (name_kind, kind) {
            (NameKind::Base, _) => {
                let part = self.part(name);
                Code { tokens: quote!(#part.#variable), form: Form::Place, result: None }
            }
            (NameKind::State, _) => Code { tokens: quote!(#variable), form: Form::Reference, result: None },
            (NameKind::Config, _) => Code { tokens: quote!(config.#variable), form: Form::Place, result: None },
            (NameKind::Input | NameKind::Parameter, Kind::Tensor | Kind::Tensors | Kind::Ints | Kind::Text) => {
                Code { tokens: quote!(#variable), form: Form::Reference, result: None }
            }
            _ => Code { tokens: quote!(#variable), form: Form::Place, result: None },
        }
    }

    /// A scope of weights below the present one.
    pub(super) fn enter(&self, path: &Path) -> TokenStream {
        let scope = if path.base && !self.at_base { quote!(weights.base()) } else { quote!(weights) };
        if path.parts.is_empty() {
            return scope;
        }
        let (text, _) = self.path(path);
        quote!(#scope.enter(#text))
    }

    /// A path as an expression, and whether it is a `String`.
    pub(super) fn path(&self, path: &Path) -> (TokenStream, bool) {
        let mut format = String::new();
        let mut arguments = Vec::new();
        for part in &path.parts {
            match part {
                PathPart::Text(text) => format.push_str(text),
                PathPart::Number(NameKind::Config | NameKind::Base, name) => {
                    format.push_str("{}");
                    let name = format_ident!("{name}");
                    arguments.push(quote!(, config.#name));
                }
                PathPart::Number(_, name) => format.push_str(&format!("{{{name}}}")),
            }
        }
        let dynamic = path.parts.iter().any(|part| matches!(part, PathPart::Number(..)));
        if dynamic { (quote!(format!(#format #(#arguments)*)), true) } else { (quote!(#format), false) }
    }
}

impl Code {
    /// As an argument that takes a reference.
    pub(super) fn reference(self) -> TokenStream {
        let tokens = self.tokens;
        match self.form {
            Form::Reference => tokens,
            _ => quote!(&#tokens),
        }
    }

    /// As a value of its own.
    pub(super) fn owned(self) -> TokenStream {
        let tokens = self.tokens;
        match self.form {
            Form::Owned => tokens,
            Form::Place | Form::Reference => quote!(#tokens.clone()),
        }
    }
}

pub(super) fn owned(tokens: TokenStream) -> Code {
    Code { tokens, form: Form::Owned, result: None }
}

pub(super) fn fallible(result: TokenStream) -> Code {
    Code { tokens: quote!(#result?), form: Form::Owned, result: Some(result) }
}

/// The path of a data type.
pub(super) fn data_type(data_type: DataType) -> TokenStream {
    let variant = format_ident!("{data_type:?}");
    quote!(DataType::#variant)
}

/// A number in its shortest form.
pub(super) fn float_literal(number: f64) -> TokenStream {
    match format!("{:?}", number.abs()).parse::<Literal>() {
        Ok(literal) if number.is_sign_negative() => quote!(-#literal),
        Ok(literal) => quote!(#literal),
        Err(_) => quote!(f64::NAN),
    }
}

/// Kinds of locals as types of fields and parameters.
pub(super) fn owned_type(kind: Kind) -> TokenStream {
    match kind {
        Kind::Tensor => quote!(Operand),
        Kind::Tensors => quote!(Vec<Operand>),
        Kind::Int => quote!(usize),
        Kind::Float => quote!(f64),
        Kind::Bool => quote!(bool),
        Kind::Text => quote!(String),
        Kind::Ints => quote!(Vec<usize>),
    }
}

/// Kinds as types of a block's parameters.
pub(super) fn parameter_type(kind: Kind) -> TokenStream {
    match kind {
        Kind::Tensor => quote!(&Operand),
        Kind::Tensors => quote!(&[Operand]),
        Kind::Text => quote!(&str),
        Kind::Ints => quote!(&[usize]),
        other => owned_type(other),
    }
}

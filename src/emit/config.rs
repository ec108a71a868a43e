//! The config struct: HF's keys with HF's defaults.

use proc_macro2::{Literal as Token, TokenStream};
use quote::{format_ident, quote};

use super::body::Body;
use super::value::float_literal;
use crate::plan::Plan;
use crate::plan::typed::{NameKind, Typed, TypedNode};
use crate::spec::Literal;
use crate::spec::expression::{Binary, ExpressionKind};

/// `Config` and its default.
pub(super) fn config(plan: &Plan) -> TokenStream {
    let fields = plan.spec.config.iter().map(|key| {
        let name = format_ident!("{}", key.name.value);
        let kind = match key.default {
            Literal::Int(_) => quote!(usize),
            Literal::Float(_) => quote!(f64),
            Literal::Bool(_) => quote!(bool),
            Literal::Text(_) => quote!(String),
            Literal::Ints(ref numbers) => {
                let count = Token::usize_unsuffixed(numbers.len());
                quote!([usize; #count])
            }
        };
        let mut doc = match (&key.doc, &key.must_be) {
            (Some(doc), _) => format!(" {doc}"),
            (None, Some(must_be)) => {
                format!(" Must be `{}`: {}.", show(&must_be.value), key.reason.as_deref().unwrap_or("no other is computed"))
            }
            (None, None) => format!(" `{}` of config.json.", key.name.value),
        };
        if let Some(called) = &key.called {
            doc.push_str(&format!(" `{}` in config.json.", called.value));
        }
        if matches!(key.default, Literal::Ints(_)) {
            doc.push_str(" One number in config.json stands for all.");
        }
        if let Some(or) = &key.or {
            doc.push_str(&format!(" Where the key is absent or null, as `{}`.", or.text));
        }
        if let Some(counted) = &key.count_of {
            doc.push_str(&format!(" Where the key is absent, the entries of `{counted}` are counted."));
        }
        quote!(#[doc = #doc] pub #name: #kind)
    });
    let defaults = plan.spec.config.iter().map(|key| {
        let name = format_ident!("{}", key.name.value);
        let value = value(&key.default);
        quote!(#name: #value)
    });
    // `Eq` cannot be derived where a float is.
    quote! {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Config {
            #(#fields,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { #(#defaults,)* }
            }
        }
    }
}

/// A config value as an expression.
fn value(literal: &Literal) -> TokenStream {
    match literal {
        Literal::Int(number) => {
            let number = Token::i64_unsuffixed(*number);
            quote!(#number)
        }
        Literal::Float(number) => float_literal(*number),
        Literal::Bool(flag) => quote!(#flag),
        Literal::Text(text) => quote!(#text.into()),
        Literal::Ints(numbers) => {
            let numbers = numbers.iter().map(|number| Token::i64_unsuffixed(*number));
            quote!([#(#numbers),*])
        }
    }
}

/// A config value as a reader knows it.
pub(super) fn show(literal: &Literal) -> String {
    match literal {
        Literal::Int(number) => number.to_string(),
        Literal::Float(number) => format!("{number:?}"),
        Literal::Bool(flag) => flag.to_string(),
        Literal::Text(text) => text.clone(),
        Literal::Ints(numbers) => format!("{numbers:?}"),
    }
}

/// The rows of `KEYS`: what config.json calls a key comes before what is made of it.
pub(super) fn keys(plan: &Plan) -> TokenStream {
    let keys = &plan.spec.config;
    let row = |name: &str, rule: TokenStream| quote!((#name, KeyRule::#rule));
    let mut rows: Vec<TokenStream> = Vec::new();
    rows.extend(keys.iter().filter_map(|key| {
        let called = &key.called.as_ref()?.value;
        Some(row(&key.name.value, quote!(Called(#called))))
    }));
    rows.extend(keys.iter().filter_map(|key| {
        let counted = key.count_of.as_ref()?;
        Some(row(&key.name.value, quote!(CountOf(#counted))))
    }));
    rows.extend(keys.iter().filter_map(|key| {
        Some(match &key.or.as_ref()?.kind {
            ExpressionKind::Name(other) => row(&key.name.value, quote!(Or(#other))),
            _ => row(&key.name.value, quote!(Made)),
        })
    }));
    rows.extend(keys.iter().filter_map(|key| {
        let Literal::Ints(numbers) = &key.default else { return None };
        let count = Token::usize_unsuffixed(numbers.len());
        Some(row(&key.name.value, quote!(Each(#count))))
    }));
    quote!(#(#rows),*)
}

/// `fill`, where a key is made of others by more than taking the value of one.
pub(super) fn fill(plan: &Plan) -> TokenStream {
    let computed = |(_, typed): &&(String, Typed)| !matches!(typed.node, TypedNode::Name(..));
    let fills: Vec<_> = plan
        .made
        .iter()
        .filter(computed)
        .map(|(key, typed)| {
            let name = format_ident!("{key}");
            let value = Body::new(plan, false).value(typed).owned();
            quote!(if absent(#key) { config.#name = #value; })
        })
        .collect();
    if fills.is_empty() {
        return quote!();
    }
    quote! {
        fn fill(config: &mut Config, absent: &dyn Fn(&str) -> bool) -> Result<(), GraphError> {
            #(#fills)*
            Ok(())
        }
    }
}

/// Arithmetic that may fail, tried where a config is read: what is computed of it later has no way to say so.
pub(super) fn trials(plan: &Plan) -> TokenStream {
    let dimensions = plan.dimensions.iter().flat_map(|dimension| [&dimension.minimum, &dimension.maximum]).flatten();
    let shapes = plan.inputs.iter().flat_map(|input| &input.shape);
    let capacities = plan.heads.iter().filter_map(|head| Some(&head.generation.as_ref()?.capacity));
    let trials = dimensions.chain(shapes).chain(capacities).filter(|typed| may_fail(typed)).map(|typed| {
        let value = Body::new(plan, false).number(typed);
        quote!(let _: usize = #value;)
    });
    quote!(#(#trials)*)
}

fn may_fail(typed: &Typed) -> bool {
    let (mut fails, mut bound) = (false, true);
    typed.walk(&mut |typed| {
        fails |= matches!(&typed.node, TypedNode::FloorDivide(..) | TypedNode::Arithmetic(Binary::Div | Binary::Sub, ..));
        bound &= !matches!(&typed.node, TypedNode::Name(kind, _) if *kind != NameKind::Config);
    });
    fails && bound
}

/// The checks of `must_be`.
pub(super) fn checks(plan: &Plan) -> TokenStream {
    let checks = plan.spec.config.iter().filter_map(|key| {
        let must_be = &key.must_be.as_ref()?.value;
        let name = format_ident!("{}", key.name.value);
        let differs = match must_be {
            Literal::Bool(true) => quote!(!config.#name),
            Literal::Bool(false) => quote!(config.#name),
            Literal::Text(text) => quote!(config.#name != #text),
            other => {
                let value = value(other);
                quote!(config.#name != #value)
            }
        };
        let reason = key.reason.as_deref().unwrap_or("no other is computed");
        let message =
            format!("`{}` must be `{}`, found `{{}}`: {}", key.name.value, show(must_be), reason.replace('{', "{{").replace('}', "}}"));
        let found = if matches!(must_be, Literal::Ints(_)) { quote!(format!("{:?}", config.#name)) } else { quote!(config.#name) };
        Some(quote!(if #differs { return Err(Error::Config(format!(#message, #found))); }))
    });
    quote!(#(#checks)*)
}

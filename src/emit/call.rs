//! Calls of operators and blocks as Rust.

use ipfs_accelerate_runtime::DataType;
use ipfs_accelerate_runtime::graph::{self, DefaultValue, Operator};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::body::{Body, Weights};
use super::value::{Code, Form, data_type, fallible};
use crate::plan::typed::{BlockArgument, Kind, NameKind, Typed, TypedNode};

impl Body<'_> {
    pub(super) fn operator(&mut self, operator: &'static Operator, arguments: &[Option<Typed>]) -> Code {
        // A number in a tensor's place takes its type from the first tensor, which needs a name for that.
        let is_number = |argument: &Option<Typed>| argument.as_ref().is_some_and(|typed| typed.kind.is_number());
        let operands = operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
        let needs_type = operands.clone().any(|(_, argument)| is_number(argument));
        let mut model: Option<TokenStream> = None;
        let mut required = Vec::new();
        let mut options = Vec::new();
        if needs_type {
            let first = operands.clone().find_map(|(_, argument)| argument.as_ref().filter(|typed| typed.kind == Kind::Tensor));
            model = first.map(|first| self.variable(first));
        }
        for (index, (parameter, argument)) in operator.parameters.iter().zip(arguments).enumerate() {
            let Some(argument) = argument else { continue };
            let name = format_ident!("{}", parameter.name);
            let tokens = match (parameter.kind, &model) {
                (graph::Kind::Operand, Some(model)) if argument.kind.is_number() => {
                    let number = self.float(argument);
                    quote!(&builder.scalar(#model.data_type(), #number)?)
                }
                (graph::Kind::Operand, Some(model))
                    if parameter.is_required() && argument.kind == Kind::Tensor && self.is_first(operator, arguments, argument) =>
                {
                    reference_to(model, self.is_reference(argument))
                }
                (graph::Kind::Operand, _) if parameter.is_required() => self.ordered(argument, &arguments[index + 1..]).reference(),
                (graph::Kind::Operand, _) => {
                    let operand = self.ordered(argument, &arguments[index + 1..]).owned();
                    quote!(Some(#operand))
                }
                (graph::Kind::Operands, _) => self.value(argument).reference(),
                (graph::Kind::Int, _) => self.number(argument),
                (graph::Kind::Ints, _) if parameter.is_required() => self.value(argument).reference(),
                (graph::Kind::Ints, _) => match &argument.node {
                    TypedNode::List(list) => {
                        let sizes: Vec<_> = list.iter().map(|each| self.number(each)).collect();
                        quote!(Some(Vec::from([#(#sizes),*])))
                    }
                    _ => {
                        let sizes = self.value(argument).tokens;
                        quote!(Some(#sizes.to_vec()))
                    }
                },
                (graph::Kind::Float, _) => self.float(argument),
                (graph::Kind::Floats | graph::Kind::Texts, _) => unreachable!("the plan refuses them"),
                (graph::Kind::Bool, _) => self.flag(argument),
                (graph::Kind::Text, _) => {
                    let text = self.text(argument);
                    if parameter.is_required() { text } else { quote!(#text.into()) }
                }
                (graph::Kind::DataType, _) => match &argument.node {
                    TypedNode::Text(text) => DataType::from_name(text).map_or_else(TokenStream::new, data_type),
                    _ => TokenStream::new(),
                },
            };
            if parameter.is_required() {
                required.push(tokens);
            } else {
                let plain_number =
                    matches!(parameter.kind, graph::Kind::Int | graph::Kind::Float) && parameter.default == DefaultValue::None;
                let tokens = if plain_number { quote!(Some(#tokens)) } else { tokens };
                options.push(if tokens.to_string() == parameter.name { quote!(#name) } else { quote!(#name: #tokens) });
            }
        }
        if !operator.options.is_empty() {
            self.options.insert(operator.options);
            let name = format_ident!("{}", operator.options);
            let all = operator.parameters.iter().filter(|parameter| !parameter.is_required()).count();
            required.push(match options.len() {
                0 => quote!(#name::default()),
                given if given == all => quote!(#name { #(#options),* }),
                _ => quote!(#name { #(#options,)* ..#name::default() }),
            });
        }
        let method = format_ident!("{}", operator.name);
        fallible(quote!(builder.#method(#(#required),*)))
    }

    /// An argument that stands before `later` ones: where one of those needs a statement of its own, so does this one, for
    /// the order of the calls is the order of the graph.
    pub(super) fn ordered<'t>(&mut self, typed: &Typed, later: impl IntoIterator<Item = &'t (impl AsTyped + 't)>) -> Code {
        let named = matches!(typed.node, TypedNode::Name(..));
        if !named && later.into_iter().filter_map(AsTyped::typed).any(needs_statement) {
            return Code { tokens: self.variable(typed), form: Form::Place, result: None };
        }
        self.value(typed)
    }

    /// True for the tensor that gives numbers their type.
    fn is_first(&self, operator: &Operator, arguments: &[Option<Typed>], argument: &Typed) -> bool {
        let mut operands = operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
        operands
            .find_map(|(_, known)| known.as_ref().filter(|typed| typed.kind == Kind::Tensor))
            .is_some_and(|first| std::ptr::eq(first, argument))
    }

    fn is_reference(&self, typed: &Typed) -> bool {
        matches!(typed.node, TypedNode::Name(NameKind::Input | NameKind::Parameter, _))
    }

    /// The expression as a variable: its own name, or a new one bound to it.
    fn variable(&mut self, typed: &Typed) -> TokenStream {
        if matches!(typed.node, TypedNode::Name(..)) {
            return self.value(typed).tokens;
        }
        let value = self.value(typed).owned();
        let stem = match &typed.node {
            TypedNode::Operator(operator, _) => match operator.name {
                "add" => "sum",
                "sub" => "difference",
                "mul" => "product",
                "div" => "quotient",
                name => name,
            },
            _ => "value",
        };
        let stem = if stem.ends_with('_') || !crate::names::is_usable(stem) { "value" } else { stem };
        let name = (1..)
            .map(|number| if number == 1 { stem.to_owned() } else { format!("{stem}_{number}") })
            .find(|name| !self.taken.contains(name));
        let variable = format_ident!("{}", name.as_deref().unwrap_or(stem));
        self.take(&variable.to_string());
        self.push(quote!(let #variable = #value;));
        quote!(#variable)
    }

    pub(super) fn block(&mut self, callee: usize, arguments: &[BlockArgument]) -> Code {
        let plan = self.plan;
        let block = plan.library.block(callee);
        let function = self.function(&block.name);
        let mut tokens = Vec::new();
        let mut weights = quote!();
        for (index, (parameter, argument)) in block.parameters.iter().zip(arguments).enumerate() {
            match argument {
                BlockArgument::Path(path) => {
                    let scope = self.enter(path);
                    weights = if path.parts.is_empty() && (!path.base || self.at_base) {
                        if self.weights == Weights::Parameter { quote!(weights,) } else { quote!(&weights,) }
                    } else {
                        quote!(&#scope,)
                    };
                }
                BlockArgument::Value(typed) => tokens.push(match parameter.kind {
                    Some(Kind::Tensor) => {
                        let later = arguments[index + 1..].iter().filter_map(|argument| match argument {
                            BlockArgument::Value(typed) => Some(typed),
                            BlockArgument::Path(_) => None,
                        });
                        self.ordered(typed, later).reference()
                    }
                    Some(Kind::Tensors | Kind::Ints) => self.value(typed).reference(),
                    Some(Kind::Text) => match &typed.node {
                        TypedNode::Name(NameKind::Config, name) => {
                            let name = format_ident!("{name}");
                            quote!(&config.#name)
                        }
                        _ => self.text(typed),
                    },
                    Some(Kind::Float) => self.float(typed),
                    Some(Kind::Bool) => self.flag(typed),
                    _ => self.number(typed),
                }),
            }
        }
        fallible(quote!(#function(builder, #weights #(#tokens),*)))
    }
}

/// An argument that may not be given.
pub(super) trait AsTyped {
    fn typed(&self) -> Option<&Typed>;
}

impl AsTyped for Typed {
    fn typed(&self) -> Option<&Typed> {
        Some(self)
    }
}

impl AsTyped for Option<Typed> {
    fn typed(&self) -> Option<&Typed> {
        self.as_ref()
    }
}

/// True where the expression cannot be written without a variable: a number beside a tensor that has no name.
fn needs_statement(typed: &Typed) -> bool {
    let own = match &typed.node {
        TypedNode::Operator(operator, arguments) => {
            let operands = || operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
            let number = operands().any(|(_, argument)| argument.as_ref().is_some_and(|typed| typed.kind.is_number()));
            let first = operands().find_map(|(_, argument)| argument.as_ref().filter(|typed| typed.kind == Kind::Tensor));
            number && first.is_some_and(|first| !matches!(first.node, TypedNode::Name(..)))
        }
        _ => false,
    };
    own || typed.children().into_iter().any(needs_statement)
}

fn reference_to(variable: &TokenStream, is_reference: bool) -> TokenStream {
    if is_reference { variable.clone() } else { quote!(&#variable) }
}

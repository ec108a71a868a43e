//! One function for the base model, one for each head, one for each block, in the order of the forward pass.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::body::Body;
use super::print;
use super::value::{owned_type, parameter_type};
use crate::names;
use crate::plan::Plan;
use crate::plan::model::{Head, Part};
use crate::plan::typed::{NameKind, TypedBlock};

/// What a base or head function takes, by what its body mentions.
pub(super) struct Signature {
    pub(super) config: bool,
    pub(super) weights: bool,
    pub(super) dimensions: Vec<String>,
    pub(super) inputs: Vec<String>,
    pub(super) states: Vec<String>,
    pub(super) parts: Vec<String>,
}

impl Signature {
    fn of(plan: &Plan, body: &TokenStream) -> Self {
        let mentioned = |name: &&str| print::mentions(body, name);
        let dimensions = plan.spec.dimensions.iter().map(|dimension| dimension.name.value.as_str());
        Self {
            config: print::mentions(body, "config"),
            weights: print::mentions(body, "weights"),
            dimensions: dimensions.filter(mentioned).map(str::to_owned).collect(),
            inputs: plan.inputs.iter().map(|input| input.name.as_str()).filter(mentioned).map(str::to_owned).collect(),
            states: plan.states.iter().map(|state| state.name.value.as_str()).filter(mentioned).map(str::to_owned).collect(),
            parts: plan.parts.iter().map(|part| part.name.as_str()).filter(mentioned).map(str::to_owned).collect(),
        }
    }

    fn parameters(&self, plan: &Plan) -> TokenStream {
        let weights = self.weights.then(|| quote!(weights: &Scope<'_>,));
        let config = self.config.then(|| quote!(config: &Config,));
        let dimensions = self.dimensions.iter().map(|name| format_ident!("{name}"));
        let inputs = self.inputs.iter().map(|name| format_ident!("{name}"));
        let states = self.states.iter().map(|name| format_ident!("{name}"));
        let parts = self.parts.iter().map(|name| {
            let (name, kind) = (format_ident!("{name}"), structure(plan, name));
            quote!(#name: &#kind,)
        });
        quote!(builder: &GraphBuilder, #weights #config #(#dimensions: usize,)* #(#inputs: &Operand,)* #(#states: &[Operand],)* #(#parts)*)
    }

    fn count(&self) -> usize {
        let lists = self.dimensions.len() + self.inputs.len() + self.states.len() + self.parts.len();
        1 + usize::from(self.weights) + usize::from(self.config) + lists
    }

    /// The arguments of a call; `weights` is the scope to give.
    pub(super) fn arguments(&self, weights: &TokenStream) -> TokenStream {
        let weights = self.weights.then(|| quote!(#weights,));
        let config = self.config.then(|| quote!(config,));
        let dimensions = self.dimensions.iter().map(|name| format_ident!("{name}"));
        let references = self.inputs.iter().chain(&self.states).chain(&self.parts).map(|name| format_ident!("{name}"));
        quote!(&builder, #weights #config #(#dimensions,)* #(&#references,)*)
    }
}

/// A function with what its callers need to know.
pub(super) struct Function {
    pub(super) signature: Signature,
    pub(super) tokens: TokenStream,
    pub(super) options: BTreeSet<&'static str>,
}

/// The struct of what a part gives.
fn structure(plan: &Plan, part: &str) -> proc_macro2::Ident {
    if has_parts(plan) { format_ident!("{}Part", names::camel_case(part)) } else { format_ident!("Base") }
}

/// The function of a part.
pub(super) fn part_function(plan: &Plan, part: &Part) -> proc_macro2::Ident {
    if has_parts(plan) { format_ident!("{}", part.name) } else { format_ident!("{}", plan.spec.family.value) }
}

fn has_parts(plan: &Plan) -> bool {
    plan.spec.parts.iter().any(|part| part.name.is_some())
}

/// The function of a head or graph.
pub(super) fn head_function(head: &Head) -> proc_macro2::Ident {
    if head.is_graph { format_ident!("{}_graph", head.name.value) } else { format_ident!("{}", names::snake_case(&head.name.value)) }
}

/// A part of the base model and what it gives.
pub(super) fn part(plan: &Plan, part: &Part) -> Function {
    let mut body = Body::new(plan, false);
    taken(plan, &mut body);
    body.steps(&part.steps);
    let statements = body.finish();
    let lists: Vec<_> = part.lists.iter().map(|list| format_ident!("{list}")).collect();
    let exports: Vec<_> = part.exports.keys().map(|name| format_ident!("{name}")).collect();
    let types = part.exports.values().map(|kind| owned_type(*kind));
    let (name, structure) = (part_function(plan, part), structure(plan, &part.name));
    let all = quote!(#statements);
    let signature = Signature::of(plan, &all);
    let parameters = signature.parameters(plan);
    let too_many = (signature.count() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let (gives, computes) = match has_parts(plan) {
        false => (
            " What the base model gives to the heads.".to_owned(),
            " The base model, in the order of the published forward pass.".to_owned(),
        ),
        true => (
            format!(" What the part `{}` gives.", part.name),
            format!(" The part `{}` of the base model, in the order of the published forward pass.", part.name),
        ),
    };
    let tokens = quote! {
        #[doc = #gives]
        struct #structure {
            #(#exports: #types,)*
            #(#lists: Vec<Operand>,)*
        }

        #[doc = #computes]
        #too_many
        fn #name(#parameters) -> Result<#structure, GraphError> {
            #(let mut #lists = Vec::new();)*
            #statements
            Ok(#structure { #(#exports,)* #(#lists,)* })
        }
    };
    Function { signature, tokens, options: body.options }
}

/// Names that generated variables must not take.
fn taken(plan: &Plan, body: &mut Body<'_>) {
    let states = plan.states.iter().map(|state| &state.name.value);
    plan.inputs
        .iter()
        .map(|input| &input.name)
        .chain(states)
        .chain(plan.parts.iter().map(|part| &part.name))
        .for_each(|name| body.take(name));
}

/// One head.
pub(super) fn head(plan: &Plan, head: &Head) -> Function {
    let mut body = Body::new(plan, head.base);
    taken(plan, &mut body);
    body.steps(&head.steps);
    let statements = body.finish();
    let mut own_lists = BTreeSet::new();
    let outputs: Vec<_> = head
        .outputs
        .iter()
        .map(|output| {
            let name = &output.name.value;
            let from = format_ident!("{}", output.from);
            let place = match output.from_kind {
                NameKind::Base => {
                    let part = plan.part_of(&output.from).map_or_else(|| format_ident!("base"), |part| format_ident!("{}", part.name));
                    quote!(#part.#from)
                }
                _ => quote!(#from),
            };
            if output.count.is_some() {
                if output.from_kind != NameKind::Base {
                    own_lists.insert(output.from.clone());
                }
                return quote!(output_list(builder, request, #name, &#place)?;);
            }
            let operand = if output.from_kind == NameKind::Input { quote!(#place) } else { quote!(&#place) };
            let declare = quote!(builder.output(#name, #operand)?;);
            if output.optional { quote!(if request.wants(#name) { #declare }) } else { declare }
        })
        .collect();
    let states = head.writes.iter().map(|name| {
        let next = super::body::next_state(name);
        quote!(output_state(builder, #name, &#next)?;)
    });
    let states = quote!(#(#states)*);
    let own_lists =
        own_lists.iter().map(|list| format_ident!("{list}")).chain(head.writes.iter().map(|name| super::body::next_state(name)));
    let all = quote!(#statements #(#outputs)* #states);
    let signature = Signature::of(plan, &all);
    let parameters = signature.parameters(plan);
    let name = head_function(head);
    let request = if print::mentions(&all, "request") { format_ident!("request") } else { format_ident!("_request") };
    let builder = if print::mentions(&all, "builder") { quote!() } else { quote!(#[allow(unused_variables)]) };
    let what = if head.is_graph { "The graph " } else { "" };
    let doc = format!(" {what}`{}`: {}", head.name.value, head.doc.as_deref().unwrap_or(&head.pipeline));
    let too_many = (signature.count() > 6).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let tokens = quote! {
        #[doc = #doc]
        #too_many
        #builder
        fn #name(#parameters #request: &Request) -> Result<(), GraphError> {
            #(let mut #own_lists = Vec::new();)*
            #statements
            #(#outputs)*
            #states
            Ok(())
        }
    };
    Function { signature, tokens, options: body.options }
}

/// One block.
pub(super) fn block(plan: &Plan, block: &TypedBlock) -> (TokenStream, BTreeSet<&'static str>) {
    let mut body = Body::new(plan, false);
    block.parameters.iter().for_each(|parameter| body.take(&parameter.name));
    body.steps(&block.steps);
    let returns = body.result(&block.returns);
    let statements = body.finish();
    let all = quote!(#statements #returns);
    let name = format_ident!("{}", block.name);
    let mut doc = vec![format!(" {}", block.doc)];
    let described: Vec<_> = block.parameters.iter().filter_map(|parameter| Some((&parameter.name, parameter.doc.as_ref()?))).collect();
    if !described.is_empty() {
        doc.push(String::new());
        doc.extend(described.iter().map(|(name, text)| format!(" - `{name}`: {text}")));
    }
    let builder = if print::mentions(&all, "builder") { format_ident!("builder") } else { format_ident!("_builder") };
    let scope = if print::mentions(&all, "weights") { format_ident!("weights") } else { format_ident!("_weights") };
    let weights = block.has_prefix().then(|| quote!(#scope: &Scope<'_>,));
    let parameters: Vec<_> = block
        .parameters
        .iter()
        .filter_map(|parameter| {
            let name = format_ident!("{}", parameter.name);
            let kind = parameter_type(parameter.kind?);
            Some(quote!(#name: #kind))
        })
        .collect();
    let count = 1 + usize::from(block.has_prefix()) + parameters.len();
    let too_many = (count > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let gives = owned_type(block.returns.kind());
    let tokens = quote! {
        #(#[doc = #doc])*
        #too_many
        fn #name(#builder: &GraphBuilder, #weights #(#parameters),*) -> Result<#gives, GraphError> {
            #statements
            #returns
        }
    };
    (tokens, body.options)
}

/// The helpers for states.
pub(super) fn states() -> TokenStream {
    quote! {
        #[doc = " The tensors of a state, as the run before left them."]
        fn input_state(builder: &GraphBuilder, states: &[StateSpec], name: &str) -> Result<Vec<Operand>, GraphError> {
            let own = states.iter().filter(|state| state.name == name);
            own.flat_map(|state| state.names().map(|name| builder.input(&name, state.descriptor.clone()))).collect()
        }

        #[doc = " The tensors of a state, as the next run finds them."]
        fn output_state(builder: &GraphBuilder, name: &str, operands: &[Operand]) -> Result<(), GraphError> {
            for (index, operand) in operands.iter().enumerate() {
                builder.output(&format!("{name}.{index}"), operand)?;
            }
            Ok(())
        }
    }
}

/// The helper for list outputs.
pub(super) fn output_list() -> TokenStream {
    quote! {
        #[doc = " Makes a list output of the graph, if it is asked for."]
        fn output_list(builder: &GraphBuilder, request: &Request, name: &str, operands: &[Operand]) -> Result<(), GraphError> {
            if request.wants_list(name) {
                for (index, operand) in operands.iter().enumerate() {
                    builder.output(&format!("{name}.{index}"), operand)?;
                }
            }
            Ok(())
        }
    }
}

//! One function for the base model, one for each head, one for each block, in the order of the forward pass.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::body::Body;
use super::print;
use super::value::{owned_type, parameter_type};
use crate::names;
use crate::plan::Plan;
use crate::plan::model::Head;
use crate::plan::typed::{NameKind, TypedBlock};

/// What a base or head function takes, by what its body mentions.
pub(super) struct Signature {
    pub(super) config: bool,
    pub(super) weights: bool,
    pub(super) dimensions: Vec<String>,
    pub(super) inputs: Vec<String>,
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
        }
    }

    fn parameters(&self) -> TokenStream {
        let weights = self.weights.then(|| quote!(weights: &Scope<'_>,));
        let config = self.config.then(|| quote!(config: &Config,));
        let dimensions = self.dimensions.iter().map(|name| format_ident!("{name}"));
        let inputs = self.inputs.iter().map(|name| format_ident!("{name}"));
        quote!(builder: &GraphBuilder, #weights #config #(#dimensions: usize,)* #(#inputs: &Operand,)*)
    }

    fn count(&self) -> usize {
        1 + usize::from(self.weights) + usize::from(self.config) + self.dimensions.len() + self.inputs.len()
    }

    /// The arguments of a call; `weights` is the scope to give.
    pub(super) fn arguments(&self, weights: &TokenStream) -> TokenStream {
        let weights = self.weights.then(|| quote!(#weights,));
        let config = self.config.then(|| quote!(config,));
        let dimensions = self.dimensions.iter().map(|name| format_ident!("{name}"));
        let inputs = self.inputs.iter().map(|name| format_ident!("{name}"));
        quote!(&builder, #weights #config #(#dimensions,)* #(&#inputs,)*)
    }
}

/// A function with what its callers need to know.
pub(super) struct Function {
    pub(super) signature: Signature,
    pub(super) tokens: TokenStream,
    pub(super) options: BTreeSet<&'static str>,
}

/// The base model and what it gives.
pub(super) fn base(plan: &Plan) -> Function {
    let mut body = Body::new(plan, false);
    plan.inputs.iter().for_each(|input| body.take(&input.name));
    body.steps(&plan.steps);
    let statements = body.finish();
    let lists: Vec<_> = plan.base_lists.iter().map(|list| format_ident!("{list}")).collect();
    let exports: Vec<_> = plan.exports.keys().map(|name| format_ident!("{name}")).collect();
    let types = plan.exports.values().map(|kind| owned_type(*kind));
    let name = format_ident!("{}", plan.spec.family.value);
    let all = quote!(#statements);
    let signature = Signature::of(plan, &all);
    let parameters = signature.parameters();
    let too_many = (signature.count() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let tokens = quote! {
        #[doc = " What the base model gives to the heads."]
        struct Base {
            #(#exports: #types,)*
            #(#lists: Vec<Operand>,)*
        }

        #[doc = " The base model, in the order of the published forward pass."]
        #too_many
        fn #name(#parameters) -> Result<Base, GraphError> {
            #(let mut #lists = Vec::new();)*
            #statements
            Ok(Base { #(#exports,)* #(#lists,)* })
        }
    };
    Function { signature, tokens, options: body.options }
}

/// One head.
pub(super) fn head(plan: &Plan, head: &Head) -> Function {
    let mut body = Body::new(plan, head.base);
    plan.inputs.iter().for_each(|input| body.take(&input.name));
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
                NameKind::Base => quote!(base.#from),
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
    let own_lists = own_lists.iter().map(|list| format_ident!("{list}"));
    let all = quote!(#statements #(#outputs)*);
    let signature = Signature::of(plan, &all);
    let parameters = signature.parameters();
    let name = format_ident!("{}", names::snake_case(&head.name.value));
    let request = if print::mentions(&all, "request") { format_ident!("request") } else { format_ident!("_request") };
    let base = if print::mentions(&all, "base") { format_ident!("base") } else { format_ident!("_base") };
    let doc = format!(" `{}`: {}", head.name.value, head.doc.as_deref().unwrap_or(&head.pipeline));
    let too_many = (signature.count() > 5).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let tokens = quote! {
        #[doc = #doc]
        #too_many
        fn #name(#parameters #base: &Base, #request: &Request) -> Result<(), GraphError> {
            #(let mut #own_lists = Vec::new();)*
            #statements
            #(#outputs)*
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

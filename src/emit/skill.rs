//! `impl Skill`: what the module says of its model; and the typed inputs and outputs.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::body::Body;
use super::config;
use super::functions::Function;
use super::value::data_type;
use crate::names;
use crate::plan::Plan;
use crate::plan::model::{Head, Input, Output};
use crate::plan::typed::{NameKind, Typed, TypedNode};
use crate::spec::Platform;
use crate::spec::model::InputDefault;

/// `Inputs`: what `run` takes.
pub(super) fn inputs(plan: &Plan) -> TokenStream {
    let fields = plan.inputs.iter().filter(|input| of_classes(plan, input)).map(|input| {
        let name = format_ident!("{}", input.name);
        let mut doc = String::from(" ");
        if let Some(text) = &input.doc {
            doc.push_str(&format!("{text} "));
        }
        doc.push_str(&format!("{} `[{}]`", input.data_type, texts(&input.shape).join(", ")));
        if let Some(below) = &input.below {
            doc.push_str(&format!(", from 0 to below `{below}`"));
        }
        match &input.default {
            Some(default) => {
                doc.push_str(&format!("; {default} if absent."));
                quote!(#[doc = #doc] pub #name: Option<Tensor>)
            }
            None => {
                let heads: Vec<_> =
                    plan.classes().filter(|head| head.inputs.contains(&input.name)).map(|head| format!("`{}`", head.name.value)).collect();
                if is_required(plan, input) {
                    doc.push('.');
                    quote!(#[doc = #doc] pub #name: Tensor)
                } else {
                    doc.push_str(&format!("; of {}.", heads.join(", ")));
                    quote!(#[doc = #doc] pub #name: Option<Tensor>)
                }
            }
        }
    });
    quote! {
        #[derive(Clone, Debug)]
        pub struct Inputs {
            #(#fields,)*
        }
    }
}

/// True for an input of a head; the graphs beside the heads may have others.
fn of_classes(plan: &Plan, input: &Input) -> bool {
    plan.classes().any(|head| head.inputs.contains(&input.name))
}

/// True for an input that every head must be given.
fn is_required(plan: &Plan, input: &Input) -> bool {
    input.default.is_none() && plan.classes().all(|head| head.inputs.contains(&input.name))
}

/// `Outputs`: what `run` gives, of all heads together.
pub(super) fn outputs(plan: &Plan) -> TokenStream {
    let fields = all_outputs(plan).into_iter().map(|(output, heads)| {
        let name = format_ident!("{}", output.name.value);
        let mut doc = output.doc.as_ref().map_or(String::from(" "), |text| format!(" {text} "));
        // Heads that give one name different shapes are told apart.
        let mut shapes: Vec<(String, Vec<String>)> = Vec::new();
        for (head, output) in &heads {
            let count = output.count.as_ref().map_or(String::new(), |count| format!("`{}` times ", count.text));
            let shape = format!("{count}{} `[{}]`", output.data_type, texts(&output.shape).join(", "));
            match shapes.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, heads)) => heads.push(format!("`{head}`")),
                None => shapes.push((shape, vec![format!("`{head}`")])),
            }
        }
        let everywhere = shapes.len() == 1 && heads.len() == plan.classes().count();
        let shapes = shapes.into_iter().map(|(shape, heads)| if everywhere { shape } else { format!("{shape} of {}", heads.join(", ")) });
        doc.push_str(&shapes.collect::<Vec<_>>().join("; "));
        if output.optional {
            doc.push_str("; absent where the checkpoint lacks its weights");
        }
        doc.push_str(if output.count.is_some() { "; empty unless asked for." } else { "." });
        if output.count.is_some() { quote!(#[doc = #doc] pub #name: Vec<Tensor>) } else { quote!(#[doc = #doc] pub #name: Option<Tensor>) }
    });
    quote! {
        #[derive(Clone, Debug)]
        pub struct Outputs {
            #(#fields,)*
            #[doc = " Where and how it was computed."]
            pub run: Run,
        }
    }
}

/// Every output of any head, by name, with the heads that have it.
fn all_outputs(plan: &Plan) -> Vec<(&Output, Vec<(&str, &Output)>)> {
    let mut all: Vec<(&Output, Vec<(&str, &Output)>)> = Vec::new();
    for head in plan.classes() {
        for output in &head.outputs {
            match all.iter_mut().find(|(known, _)| known.name.value == output.name.value) {
                Some((_, heads)) => heads.push((&head.name.value, output)),
                None => all.push((output, vec![(&head.name.value, output)])),
            }
        }
    }
    // Lists last: they are asked for.
    all.sort_by_key(|(output, _)| output.count.is_some());
    all
}

/// The wrapper with typed inputs and outputs.
pub(super) fn model(plan: &Plan) -> TokenStream {
    let name = format_ident!("{}", names::camel_case(&plan.spec.family.value));
    let required: Vec<_> = plan.inputs.iter().filter(|input| is_required(plan, input)).map(|input| field(&input.name)).collect();
    let optional: Vec<_> =
        plan.inputs.iter().filter(|input| of_classes(plan, input) && !is_required(plan, input)).map(|input| field(&input.name)).collect();
    let given = required.iter().map(|(name, text)| quote!((#text.to_owned(), inputs.#name.clone())));
    let mutable = (!optional.is_empty()).then(|| quote!(mut));
    let optional = (!optional.is_empty()).then(|| {
        let rows = optional.iter().map(|(name, text)| quote!((#text, &inputs.#name)));
        quote! {
            for (name, tensor) in [#(#rows),*] {
                if let Some(tensor) = tensor {
                    given.insert(name.to_owned(), tensor.clone());
                }
            }
        }
    });
    let outputs = all_outputs(plan).into_iter().map(|(output, _)| {
        let (name, text) = field(&output.name.value);
        if output.count.is_some() { quote!(#name: run.take_list(#text)) } else { quote!(#name: run.take(#text)) }
    });
    quote! {
        #[derive(Debug)]
        pub struct #name(Model<Skillset>);

        impl #name {
            #[doc = " Checks the checkpoint against the model and opens the first platform that serves."]
            #[doc = ""]
            #[doc = " **Errors** as [`Model::load`]."]
            pub async fn load(checkpoint: &Checkpoint, options: &LoadOptions) -> Result<Self> {
                Model::load(checkpoint, options).await.map(Self)
            }

            #[doc = " Runs the graph of the head; `lists` names list outputs to compute too, such as `hidden_states`."]
            #[doc = ""]
            #[doc = " **Errors** as [`Model::run`]."]
            pub async fn run(&mut self, inputs: &Inputs, lists: &[&str]) -> Result<Outputs> {
                let #mutable given = BTreeMap::from([#(#given),*]);
                #optional
                let mut run = self.0.run(&given, lists).await?;
                Ok(Outputs { #(#outputs,)* run })
            }

            #[doc = " What was found out while loading: the platform, each one passed over and why, tensors left over."]
            pub fn report(&self) -> &LoadReport {
                self.0.report()
            }
        }
    }
}

/// `impl Skill`.
pub(super) fn skill(plan: &Plan, platforms: &[&Platform], parts: &[Function], heads: &[Function]) -> TokenStream {
    let family = &plan.spec.family.value;
    let platforms = platforms.iter().filter_map(|platform| {
        let platform = ipfs_accelerate_runtime::platform::Platform::from_name(&platform.name.value)?;
        let variant = format_ident!("{platform:?}");
        Some(quote!(Platform::#variant))
    });
    let head_spec = |head: &Head| {
        let (name, classes, pipeline) = (&head.name.value, &head.classes, &head.pipeline);
        let outputs = head.outputs.iter().map(|output| {
            let (name, data_type) = (&output.name.value, data_type(output.data_type));
            let shape = texts(&output.shape);
            let (optional, list) = (output.optional, output.count.is_some());
            quote!(OutputSpec { name: #name, data_type: #data_type, shape: &[#(#shape),*], optional: #optional, list: #list })
        });
        let (inputs, reads, writes) = (&head.inputs, &head.reads, &head.writes);
        let inputs = quote!(inputs: &[#(#inputs),*], reads: &[#(#reads),*], writes: &[#(#writes),*]);
        quote!(HeadSpec { name: #name, classes: &[#(#classes),*], pipeline: #pipeline, #inputs, outputs: &[#(#outputs),*] })
    };
    let head_specs: Vec<_> = plan.classes().map(head_spec).collect();
    let graph_specs: Vec<_> = plan.heads.iter().filter(|head| head.is_graph).map(head_spec).collect();
    let graphs = (!graph_specs.is_empty()).then(|| quote!(const GRAPHS: &'static [HeadSpec] = &[#(#graph_specs),*];));
    let (states, generation) = (states(plan), generation(plan));
    let (keys, model_types) = (config::keys(plan), &plan.spec.model_types);
    let (checks, trials) = (config::checks(plan), config::trials(plan));
    let checks = quote!(#checks #trials);
    let fill = config::fill(plan);
    let dimensions = plan.dimensions.iter().map(|dimension| {
        let name = &dimension.name;
        let mut body = Body::tried(plan);
        let minimum = dimension.minimum.as_ref().map_or(quote!(1), |minimum| body.number(minimum));
        let maximum = match &dimension.maximum {
            Some(maximum) => {
                let (size, text) = (body.number(maximum), &maximum.text);
                quote!(Some((#size, #text)))
            }
            None => quote!(None),
        };
        quote!(Dimension { name: #name, minimum: #minimum, maximum: #maximum })
    });
    let dimensions = quote!(Vec::from([#(#dimensions),*]));
    let inputs = input_specs(plan);
    let (names, ties) = weight_names(plan);
    let weight_names = quote!(#ties #names);
    let graph = graph(plan, parts, heads);
    let unless_unused =
        |tokens: &TokenStream| if super::print::mentions(tokens, "config") { format_ident!("config") } else { format_ident!("_config") };
    let (check_config, dimensions_config, inputs_config, names_config) =
        (unless_unused(&checks), unless_unused(&dimensions), unless_unused(&inputs), unless_unused(&weight_names));
    quote! {
        #[derive(Debug)]
        pub struct Skillset;

        impl Skill for Skillset {
            type Config = Config;
            const FAMILY: &'static str = #family;
            const PLATFORMS: &'static [Platform] = &[#(#platforms),*];
            const HEADS: &'static [HeadSpec] = &[#(#head_specs),*];
            #graphs
            const MODEL_TYPES: &'static [&'static str] = &[#(#model_types),*];
            const KEYS: &'static [(&'static str, KeyRule)] = &[#keys];

            fn check(#check_config: &Config) -> Result<()> {
                #checks
                Ok(())
            }

            #fill

            fn dimensions(#dimensions_config: &Config) -> Vec<Dimension> {
                #dimensions
            }

            fn inputs(#inputs_config: &Config) -> Vec<InputSpec> {
                #inputs
            }

            fn weight_names(#names_config: &Config) -> WeightNames {
                #weight_names
            }

            #states
            #generation
            #graph
        }
    }
}

fn input_specs(plan: &Plan) -> TokenStream {
    let specs = plan.inputs.iter().map(|input| {
        let (name, data_type) = (&input.name, data_type(input.data_type));
        let shape = input.shape.iter().map(|size| match &size.node {
            TypedNode::Name(NameKind::Dimension, name) => quote!(Size::Symbol(#name)),
            _ => {
                let size = Body::tried(plan).number(size);
                quote!(Size::Fixed(#size))
            }
        });
        let default = match &input.default {
            None => quote!(Required),
            Some(InputDefault::Zeros) => quote!(Zeros),
            Some(InputDefault::Ones) => quote!(Ones),
            Some(InputDefault::Positions) => quote!(Positions),
            Some(InputDefault::PositionsOf { input, padding }) => {
                let (input, padding) = (&input.value, format_ident!("{}", padding.value));
                quote!(PositionsOf { input: #input, padding: config.#padding })
            }
        };
        let below = input.below.as_ref().map_or(quote!(None), |below| {
            let below = format_ident!("{below}");
            quote!(Some(config.#below))
        });
        let masks = input.masks.as_ref().map_or(quote!(None), |masks| quote!(Some(#masks)));
        quote!(InputSpec { name: #name, data_type: #data_type, shape: Vec::from([#(#shape),*]), default: InputDefault::#default, below: #below, masks: #masks })
    });
    quote!(Vec::from([#(#specs),*]))
}

/// The value of `WeightNames`, and the statements before it.
fn weight_names(plan: &Plan) -> (TokenStream, TokenStream) {
    let prefix = &plan.spec.base_model_prefix;
    let called = plan.spec.weights.called.iter().map(|(ours, theirs)| quote!((#ours, #theirs)));
    let renamed = plan.spec.weights.renamed.iter().map(|(old, new)| quote!((#old, #new)));
    let ignored = &plan.spec.weights.ignored;
    let (mut always, mut conditional) = (Vec::new(), Vec::<(String, TokenStream, Vec<TokenStream>)>::new());
    for tie in &plan.ties {
        let (name, to) = (&tie.name, &tie.to);
        let row = quote!(Tie { name: #name, to: #to });
        match &tie.when {
            None => always.push(row),
            Some(when) => match conditional.iter_mut().find(|(text, ..)| *text == when.text) {
                Some((_, _, rows)) => rows.push(row),
                None => conditional.push((when.text.clone(), Body::new(plan, false).condition(when), vec![row])),
            },
        }
    }
    let tied = match conditional.as_slice() {
        [] => quote!(let tied = Vec::from([#(#always),*]);),
        [(_, when, rows)] if always.is_empty() => quote! {
            let tied = if #when { Vec::from([#(#rows),*]) } else { Vec::new() };
        },
        many => {
            let extends = many.iter().map(|(_, when, rows)| quote!(if #when { tied.extend([#(#rows),*]); }));
            quote!(let mut tied = Vec::from([#(#always),*]); #(#extends)*)
        }
    };
    (
        quote!(WeightNames { base_model_prefix: #prefix, called: &[#(#called),*], renamed: &[#(#renamed),*], tied, ignored: &[#(#ignored),*] }),
        tied,
    )
}

/// `states`, where the model has some.
fn states(plan: &Plan) -> TokenStream {
    if plan.states.is_empty() {
        return quote!();
    }
    let mut body = Body::new(plan, false);
    let rows: Vec<_> = plan
        .states
        .iter()
        .map(|state| {
            let (name, data_type) = (&state.name.value, data_type(state.data_type));
            let shape: Vec<_> = state.shape.iter().map(|size| body.number(size)).collect();
            let count = body.number(&state.count);
            quote!(StateSpec { name: #name, count: #count, descriptor: OperandDescriptor::new(#data_type, [#(#shape),*])? })
        })
        .collect();
    let shapes: Vec<_> = plan.states.iter().flat_map(|state| &state.shape).collect();
    let sizes =
        plan.dimensions.iter().filter(|dimension| shapes.iter().any(|size| reads_dimension(size, &dimension.name))).map(|dimension| {
            let (variable, text) = field(&dimension.name);
            quote!(let #variable = sizes.get(#text)?;)
        });
    let sizes = quote!(#(#sizes)*);
    let unless_unused = |tokens: &TokenStream, name: &str| {
        if super::print::mentions(tokens, name) { format_ident!("{name}") } else { format_ident!("_{name}") }
    };
    let (config, given) = (unless_unused(&quote!(#(#rows)*), "config"), unless_unused(&sizes, "sizes"));
    quote! {
        fn states(#config: &Config, #given: &Sizes) -> Result<Vec<StateSpec>, GraphError> {
            #sizes
            Ok(Vec::from([#(#rows),*]))
        }
    }
}

/// `generation`, where a head has one.
fn generation(plan: &Plan) -> TokenStream {
    let arms: Vec<_> = plan
        .classes()
        .filter_map(|head| {
            let (name, generation) = (&head.name.value, head.generation.as_ref()?);
            let spec = &generation.spec;
            let optional = |name: &Option<crate::spec::Spanned<String>>| match name {
                Some(name) => {
                    let name = &name.value;
                    quote!(Some(#name))
                }
                None => quote!(None),
            };
            let (encode, reorder, order) = (optional(&spec.encode), optional(&spec.reorder), optional(&spec.order));
            let (step, ids, token) = (&spec.step.value, &spec.ids.value, &spec.token.value);
            let (position, logits) = (&spec.position.value, &spec.logits.value);
            let capacity = Body::tried(plan).number(&generation.capacity);
            Some(quote! {
                #name => Some(Generation {
                    encode: #encode,
                    step: #step,
                    reorder: #reorder,
                    ids: #ids,
                    token: #token,
                    position: #position,
                    order: #order,
                    logits: #logits,
                    capacity: #capacity,
                }),
            })
        })
        .collect();
    if arms.is_empty() {
        return quote!();
    }
    let arms = quote!(#(#arms)*);
    let config = if super::print::mentions(&arms, "config") { format_ident!("config") } else { format_ident!("_config") };
    quote! {
        fn generation(#config: &Config, head: &HeadSpec) -> Option<Generation> {
            match head.name {
                #arms
                _ => None,
            }
        }
    }
}

fn reads_dimension(size: &Typed, name: &str) -> bool {
    let mut found = false;
    size.walk(&mut |typed| found |= matches!(&typed.node, TypedNode::Name(NameKind::Dimension, known) if known == name));
    found
}

/// The statements before a head's call: sizes, inputs, states, parts.
fn surroundings(plan: &Plan, head: &Head, function: &Function, parts: &[Function]) -> TokenStream {
    let own_parts: Vec<_> = head.parts.iter().map(|&index| (&plan.parts[index], &parts[index])).collect();
    let signatures: Vec<_> = own_parts.iter().map(|(_, part)| &part.signature).chain([&function.signature]).collect();
    let inputs: Vec<_> = plan.inputs.iter().filter(|input| head.inputs.contains(&input.name)).collect();
    let states: Vec<_> = plan.states.iter().filter(|state| head.reads.contains(&state.name.value)).collect();
    let shapes: Vec<_> = inputs.iter().flat_map(|input| &input.shape).collect();
    let dimensions = plan.dimensions.iter().map(|dimension| &dimension.name).filter(|name| {
        shapes.iter().any(|size| reads_dimension(size, name)) || signatures.iter().any(|signature| signature.dimensions.contains(name))
    });
    let sizes = dimensions.map(|name| {
        let (variable, text) = field(name);
        quote!(let #variable = sizes.get(#text)?;)
    });
    let mut body = Body::new(plan, false);
    let inputs = inputs.into_iter().map(|input| {
        let (variable, text) = field(&input.name);
        let used = signatures.iter().any(|signature| signature.inputs.contains(&input.name));
        let data_type = data_type(input.data_type);
        let shape: Vec<_> = input.shape.iter().map(|size| body.number(size)).collect();
        let made = quote!(builder.input(#text, OperandDescriptor::new(#data_type, [#(#shape),*])?)?);
        if used { quote!(let #variable = #made;) } else { quote!(#made;) }
    });
    let inputs: Vec<_> = inputs.collect();
    let declared = (!states.is_empty()).then(|| quote!(let states = Self::states(config, sizes)?;));
    let states = states.into_iter().map(|state| {
        let (variable, text) = field(&state.name.value);
        quote!(let #variable = input_state(&builder, &states, #text)?;)
    });
    let states = quote!(#declared #(#states)*);
    let calls = own_parts.iter().enumerate().map(|(index, (part, function))| {
        let name = super::functions::part_function(plan, part);
        let arguments = function.signature.arguments(&quote!(&weights.base()));
        let call = quote!(#name(#arguments)?);
        let variable = format_ident!("{}", part.name);
        if signatures[index + 1..].iter().any(|signature| signature.parts.contains(&part.name)) {
            quote!(let #variable = #call;)
        } else {
            quote!(#call;)
        }
    });
    quote!(#(#sizes)* #(#inputs)* #states #(#calls)*)
}

fn graph(plan: &Plan, parts: &[Function], heads: &[Function]) -> TokenStream {
    let weights =
        parts.iter().chain(heads).any(|function| function.signature.weights).then(|| quote!(let weights = Scope::root(&builder, names);));
    let names_variable = if weights.is_some() { format_ident!("names") } else { format_ident!("_names") };
    let each: Vec<_> = plan
        .heads
        .iter()
        .zip(heads)
        .map(|(head, function)| {
            let weights = if head.base { quote!(&weights.base()) } else { quote!(&weights) };
            let (call, arguments) = (super::functions::head_function(head), function.signature.arguments(&weights));
            (&head.name.value, surroundings(plan, head, function, parts), quote!(#call(#arguments request)?))
        })
        .collect();
    // What all heads have in common stands once, before them.
    let common = each.iter().all(|(_, surroundings, _)| surroundings.to_string() == each[0].1.to_string());
    let before = if common { each[0].1.clone() } else { quote!() };
    let arms = each
        .iter()
        .map(|(name, surroundings, call)| if common { quote!(#name => #call,) } else { quote!(#name => { #surroundings #call }) });
    let known = plan.heads.iter().map(|head| &head.name.value);
    let tokens = quote! {
        let builder = GraphBuilder::new();
        #weights
        #before
        match head.name {
            #(#arms)*
            name => return Err(unsupported_value("architectures", name, &[#(#known),*])),
        }
        builder.build()
    };
    let config = if super::print::mentions(&tokens, "config") { format_ident!("config") } else { format_ident!("_config") };
    let sizes = if super::print::mentions(&tokens, "sizes") { format_ident!("sizes") } else { format_ident!("_sizes") };
    quote! {
        fn graph(#config: &Config, #names_variable: &WeightNames, head: &HeadSpec, #sizes: &Sizes, request: &Request) -> Result<Graph, GraphError> {
            #tokens
        }
    }
}

/// A name as a variable and as a text.
fn field(name: &str) -> (proc_macro2::Ident, Literal) {
    (format_ident!("{name}"), Literal::string(name))
}

fn texts(shape: &[Typed]) -> Vec<&str> {
    shape.iter().map(|size| size.text.as_str()).collect()
}

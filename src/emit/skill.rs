//! `impl Skill`: what the module says of its model; and the typed inputs and outputs.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::body::Body;
use super::config;
use super::functions::Function;
use super::value::data_type;
use crate::names;
use crate::plan::Plan;
use crate::plan::model::Output;
use crate::plan::typed::{NameKind, Typed, TypedNode};
use crate::spec::Platform;
use crate::spec::model::InputDefault;

/// `Inputs`: what `run` takes.
pub(super) fn inputs(plan: &Plan) -> TokenStream {
    let fields = plan.inputs.iter().map(|input| {
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
                doc.push('.');
                quote!(#[doc = #doc] pub #name: Tensor)
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
        let everywhere = shapes.len() == 1 && heads.len() == plan.heads.len();
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
    for head in &plan.heads {
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
    let required: Vec<_> = plan.inputs.iter().filter(|input| input.default.is_none()).map(|input| field(&input.name)).collect();
    let optional: Vec<_> = plan.inputs.iter().filter(|input| input.default.is_some()).map(|input| field(&input.name)).collect();
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
pub(super) fn skill(plan: &Plan, platforms: &[&Platform], base: &Function, heads: &[Function]) -> TokenStream {
    let family = &plan.spec.family.value;
    let platforms = platforms.iter().filter_map(|platform| {
        let platform = ipfs_accelerate_runtime::platform::Platform::from_name(&platform.name.value)?;
        let variant = format_ident!("{platform:?}");
        Some(quote!(Platform::#variant))
    });
    let head_specs = plan.heads.iter().map(|head| {
        let (name, classes, pipeline) = (&head.name.value, &head.classes, &head.pipeline);
        let outputs = head.outputs.iter().map(|output| {
            let (name, data_type) = (&output.name.value, data_type(output.data_type));
            let shape = texts(&output.shape);
            let (optional, list) = (output.optional, output.count.is_some());
            quote!(OutputSpec { name: #name, data_type: #data_type, shape: &[#(#shape),*], optional: #optional, list: #list })
        });
        quote!(HeadSpec { name: #name, classes: &[#(#classes),*], pipeline: #pipeline, outputs: &[#(#outputs),*] })
    });
    let (keys, model_types) = (config::keys(plan), &plan.spec.model_types);
    let checks = config::checks(plan);
    let dimensions = plan.dimensions.iter().map(|dimension| {
        let name = &dimension.name;
        let mut body = Body::new(plan, false);
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
    let graph = graph(plan, base, heads);
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
            const MODEL_TYPES: &'static [&'static str] = &[#(#model_types),*];
            const KEYS: &'static [(&'static str, KeyRule)] = &[#keys];

            fn check(#check_config: &Config) -> Result<()> {
                #checks
                Ok(())
            }

            fn dimensions(#dimensions_config: &Config) -> Vec<Dimension> {
                #dimensions
            }

            fn inputs(#inputs_config: &Config) -> Vec<InputSpec> {
                #inputs
            }

            fn weight_names(#names_config: &Config) -> WeightNames {
                #weight_names
            }

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
                let size = Body::new(plan, false).number(size);
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

fn graph(plan: &Plan, base: &Function, heads: &[Function]) -> TokenStream {
    let in_shape = |name: &str| {
        plan.inputs.iter().flat_map(|input| &input.shape).any(|size| {
            let mut found = false;
            size.walk(&mut |typed| found |= matches!(&typed.node, TypedNode::Name(NameKind::Dimension, known) if known == name));
            found
        })
    };
    let signatures: Vec<_> = heads.iter().map(|head| &head.signature).chain([&base.signature]).collect();
    let dimensions = plan
        .spec
        .dimensions
        .iter()
        .map(|dimension| &dimension.name.value)
        .filter(|name| in_shape(name) || signatures.iter().any(|signature| signature.dimensions.contains(name)));
    let sizes = dimensions.map(|name| {
        let (variable, text) = field(name);
        quote!(let #variable = sizes.get(#text)?;)
    });
    let mut body = Body::new(plan, false);
    let inputs: Vec<_> = plan
        .inputs
        .iter()
        .map(|input| {
            let (variable, text) = field(&input.name);
            let used = signatures.iter().any(|signature| signature.inputs.contains(&input.name));
            let data_type = data_type(input.data_type);
            let shape: Vec<_> = input.shape.iter().map(|size| body.number(size)).collect();
            let made = quote!(builder.input(#text, OperandDescriptor::new(#data_type, [#(#shape),*])?)?);
            if used { quote!(let #variable = #made;) } else { quote!(#made;) }
        })
        .collect();
    let weights = signatures.iter().any(|signature| signature.weights).then(|| quote!(let weights = Scope::root(&builder, names);));
    let names_variable = if weights.is_some() { format_ident!("names") } else { format_ident!("_names") };
    let family = format_ident!("{}", plan.spec.family.value);
    let base_arguments = base.signature.arguments(&quote!(&weights.base()));
    let arms = plan.heads.iter().zip(heads).map(|(head, function)| {
        let name = &head.name.value;
        let call = format_ident!("{}", names::snake_case(name));
        let weights = if head.base { quote!(&weights.base()) } else { quote!(&weights) };
        let arguments = function.signature.arguments(&weights);
        quote!(#name => #call(#arguments &base, request)?,)
    });
    let known = plan.heads.iter().map(|head| &head.name.value);
    let tokens = quote! {
        let builder = GraphBuilder::new();
        #weights
        #(#sizes)*
        #(#inputs)*
        let base = #family(#base_arguments)?;
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

//! A model with every name resolved: inputs, base steps, heads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipfs_accelerate_runtime::DataType;

use super::library::Library;
use super::resolve::Resolver;
use super::scope::{Bound, Scope, Weights};
use super::typed::{Kind, NameKind, Typed, TypedNode, TypedStep, walk_steps};
use crate::diagnostics::{Code, Diagnostics};
use crate::names;
use crate::spec::model::InputDefault;
use crate::spec::{Literal, Model, Spanned, Step, model};

/// A model whose names are resolved; not yet checked by building it.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Plan {
    pub spec: Model,
    pub library: Arc<Library>,
    pub dimensions: Vec<Dimension>,
    /// Config keys with what they are where config.json lacks them or says null.
    pub made: Vec<(String, Typed)>,
    pub inputs: Vec<Input>,
    pub states: Vec<State>,
    pub parts: Vec<Part>,
    /// The heads, then the graphs beside them.
    pub heads: Vec<Head>,
    pub ties: Vec<Tie>,
}

/// Steps of the base model.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Part {
    /// What generated code calls it: `base` where the base model has no parts.
    pub name: String,
    pub steps: Vec<TypedStep>,
    /// Steps that later parts and heads read, in the order of their names.
    pub exports: BTreeMap<String, Kind>,
    /// List outputs that it fills.
    pub lists: BTreeSet<String>,
    /// All names that it binds.
    bound: BTreeSet<String>,
}

/// A list of tensors that stay on the device.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct State {
    pub name: Spanned<String>,
    pub data_type: DataType,
    pub shape: Vec<Typed>,
    pub count: Typed,
    pub doc: Option<String>,
}

/// How a head's outputs are made one token at a time.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Generation {
    pub spec: model::Generation,
    pub capacity: Typed,
}

/// A symbolic size, with what bounds it.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Dimension {
    pub name: String,
    pub minimum: Option<Typed>,
    pub maximum: Option<Typed>,
    pub usual: Option<Typed>,
}

/// An input.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Input {
    pub name: String,
    pub data_type: DataType,
    pub shape: Vec<Typed>,
    pub default: Option<InputDefault>,
    pub below: Option<String>,
    /// The dimension whose positions it hides where it is 0.
    pub masks: Option<String>,
    pub doc: Option<String>,
}

/// One graph.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Head {
    pub name: Spanned<String>,
    pub classes: Vec<String>,
    pub pipeline: String,
    pub doc: Option<String>,
    pub base: bool,
    /// True for a graph beside the heads.
    pub is_graph: bool,
    /// The parts of the base model that it stands on, in their order.
    pub parts: Vec<usize>,
    pub steps: Vec<TypedStep>,
    pub outputs: Vec<Output>,
    /// What its parts and steps read of the model's inputs, in the order of those.
    pub inputs: Vec<String>,
    /// States that it reads, and those that it makes anew, in the order of the model's.
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    pub generation: Option<Generation>,
}

/// One output.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Output {
    pub name: Spanned<String>,
    pub from: String,
    pub from_kind: NameKind,
    pub data_type: DataType,
    pub shape: Vec<Typed>,
    pub optional: bool,
    /// A list filled by `collect`, of as many tensors.
    pub count: Option<Typed>,
    pub doc: Option<String>,
}

/// A weight that is another weight.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Tie {
    pub name: String,
    pub to: String,
    pub when: Option<Typed>,
}

impl Plan {
    /// Resolves a model. All mistakes are reported; none is given where there was one that stands in the way of building.
    pub(super) fn new(spec: Model, library: Arc<Library>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let (mut own, mut surplus) = (Diagnostics::default(), Diagnostics::default());
        let plan = resolve(spec, library, &mut own, &mut surplus).filter(|_| own.is_empty());
        diagnostics.extend(own);
        diagnostics.extend(surplus);
        plan
    }

    /// The blocks that the model calls, directly or not, each after those it calls itself.
    pub fn blocks(&self) -> Vec<usize> {
        let mut roots = Vec::new();
        let mut visit = |typed: &Typed| {
            if let TypedNode::Block(callee, _) = typed.node {
                roots.push(callee);
            }
        };
        self.walk(&mut visit);
        self.library.closure(roots)
    }

    /// Calls `visit` with every expression of the parts, heads and graphs.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Typed)) {
        self.parts.iter().for_each(|part| walk_steps(&part.steps, visit));
        self.heads.iter().for_each(|head| walk_steps(&head.steps, visit));
    }

    /// The heads that `architectures` in config.json can name.
    pub fn classes(&self) -> impl Iterator<Item = &Head> {
        self.heads.iter().filter(|head| !head.is_graph)
    }

    /// The part that binds a name or fills a list.
    pub fn part_of(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.bound.contains(name) || part.lists.contains(name))
    }

    /// True where this is a state.
    pub fn is_state(&self, name: &str) -> bool {
        self.states.iter().any(|state| state.name.value == name)
    }

    /// The default of a config key.
    pub fn config_default(&self, name: &str) -> Option<&Literal> {
        self.spec.config.iter().find(|key| key.name.value == name).map(|key| &key.default)
    }
}

/// The kind of a config value.
pub fn literal_kind(literal: &Literal) -> Kind {
    match literal {
        Literal::Int(_) => Kind::Int,
        Literal::Float(_) => Kind::Float,
        Literal::Text(_) => Kind::Text,
        Literal::Bool(_) => Kind::Bool,
        Literal::Ints(_) => Kind::Ints,
    }
}

fn resolve(spec: Model, library: Arc<Library>, diagnostics: &mut Diagnostics, surplus: &mut Diagnostics) -> Option<Plan> {
    let fixed = declare(&spec, diagnostics);
    let mut resolver = Resolver::new(&library, Scope::new(fixed, Weights::Allowed), diagnostics);
    references(&spec, &mut resolver);
    let dimensions = dimensions(&spec, &mut resolver);
    let made = made(&spec, &mut resolver);
    let sizes = |resolver: &mut Resolver<'_>, shape: &[crate::spec::Expression]| {
        let shape: Vec<_> = shape.iter().map(|size| resolver.of_kind(size, Kind::Int)).collect();
        shape.into_iter().collect::<Option<Vec<_>>>()
    };
    let mut inputs = Vec::new();
    for input in &spec.inputs {
        let shape = sizes(&mut resolver, &input.shape);
        if let (Some(shape), Some(data_type)) = (shape, DataType::from_name(&input.data_type)) {
            let below = input.below.as_ref().map(|below| below.value.clone());
            inputs.push(Input {
                name: input.name.value.clone(),
                data_type,
                shape,
                default: input.default.clone(),
                below,
                masks: input.masks.as_ref().map(|masks| masks.value.clone()),
                doc: input.doc.clone(),
            });
        }
    }
    for dimension in &spec.dimensions {
        let name = &dimension.name;
        let bound = |typed: &Typed| matches!(&typed.node, TypedNode::Name(NameKind::Dimension, known) if *known == name.value);
        if resolver.diagnostics.is_empty() && !inputs.iter().any(|input| input.shape.iter().any(bound)) {
            let message = format!("no input has the dimension `{}`, so nothing binds it", name.value);
            resolver.diagnostics.add(Code::UnusedDeclaration, name.span.clone(), message, None);
        }
    }
    let ties = spec
        .weights
        .tied
        .iter()
        .filter_map(|tie| {
            let when = tie.when.as_ref().map(|when| resolver.of_kind(when, Kind::Bool));
            let path = |path: &str| match path.strip_prefix("base:") {
                Some(rest) if !spec.base_model_prefix.is_empty() => format!("{}.{rest}", spec.base_model_prefix),
                rest => rest.unwrap_or(path).to_owned(),
            };
            let when = when.map_or(Some(None), |when| when.map(Some))?;
            Some(Tie { name: path(&tie.name.value), to: path(&tie.to.value), when })
        })
        .collect();
    let states = spec.states.iter().filter_map(|state| {
        let shape = sizes(&mut resolver, &state.shape);
        let count = resolver.of_kind(&state.count, Kind::Int);
        let data_type = DataType::from_name(&state.data_type)?;
        Some(State { name: state.name.clone(), data_type, shape: shape?, count: count?, doc: state.doc.clone() })
    });
    let states: Vec<State> = states.collect();

    // Each part sees those before it; heads start where the last of theirs ends.
    let mut parts: Vec<Part> = Vec::new();
    let mut visible: Vec<BTreeMap<String, Bound>> = Vec::new();
    for part in &spec.parts {
        let steps = resolver.steps(&part.steps);
        let earlier: BTreeSet<String> = parts.iter().flat_map(|part| part.bound.iter().cloned()).collect();
        for name in super::steps::bound_names(&part.steps, false) {
            if earlier.contains(&name.value) {
                let message = format!("`{}` is bound by an earlier part", name.value);
                let help = "parts have names of their own".to_owned();
                resolver.diagnostics.add(Code::NameTaken, name.span.clone(), message, help);
            }
        }
        let own: BTreeMap<String, Bound> = resolver
            .scope
            .bound
            .iter()
            .filter(|(name, _)| !earlier.contains(*name))
            .map(|(name, bound)| (name.clone(), bound.clone()))
            .collect();
        resolver.scope.bound.values_mut().for_each(|bound| bound.name_kind = NameKind::Base);
        parts.push(Part {
            name: part.name.as_ref().map_or_else(|| "base".to_owned(), |name| name.value.clone()),
            steps,
            exports: BTreeMap::new(),
            lists: lists(&part.steps).into_iter().map(|list| list.value.clone()).collect(),
            bound: own.keys().cloned().collect(),
        });
        visible.push(own);
    }
    let later = resolver.scope.later.clone();
    resolver.scope.weights = Weights::WithBase;
    let mut heads = Vec::new();
    for head in &spec.heads {
        let own_parts = head_parts(&spec, head, &parts, resolver.diagnostics);
        let base = own_parts.iter().flat_map(|&index| visible[index].clone());
        resolver.scope.bound = base.map(|(name, bound)| (name, Bound { name_kind: NameKind::Base, ..bound })).collect();
        resolver.scope.later = if own_parts.len() == parts.len() { later.clone() } else { BTreeSet::new() };
        let base_lists: BTreeSet<&str> = own_parts.iter().flat_map(|&index| parts[index].lists.iter().map(String::as_str)).collect();
        let steps = resolver.steps(&head.steps);
        let own_lists: BTreeSet<&str> = lists(&head.steps).into_iter().map(|list| list.value.as_str()).collect();
        let mut outputs = Vec::new();
        for output in &head.outputs {
            let shape = sizes(&mut resolver, &output.shape);
            let count = output.count.as_ref().map(|count| resolver.of_kind(count, Kind::Int));
            let from = &output.from;
            let from_kind =
                match (&output.count, resolver.scope.bound.contains_key(&from.value) || resolver.scope.fixed.contains_key(&from.value)) {
                    (Some(_), _) if base_lists.contains(from.value.as_str()) => Some(NameKind::Base),
                    (Some(_), _) if own_lists.contains(from.value.as_str()) => Some(NameKind::Local),
                    (None, true) => match resolver.scope.read(&from.value, &from.span, resolver.diagnostics) {
                        Some((name_kind, Some(Kind::Tensor))) => Some(name_kind),
                        Some((_, Some(kind))) => {
                            let message = format!("the output `{}` must be a tensor, found {kind}", output.name.value);
                            resolver.diagnostics.add(Code::WrongKind, from.span.clone(), message, None);
                            None
                        }
                        _ => None,
                    },
                    (count, _) => {
                        let what = if count.is_some() { "`collect` fills it nowhere" } else { "no step makes it" };
                        let known = resolver.scope.bound.keys().map(String::as_str);
                        let help = names::did_you_mean(&from.value, known).unwrap_or_else(|| "name the step with `from:`".to_owned());
                        let message = format!("the head `{}` states the output `{}`, but {what}", head.name.value, from.value);
                        resolver.diagnostics.add(Code::MissingOutput, from.span.clone(), message, help);
                        None
                    }
                };
            let (Some(shape), Some(from_kind), Some(data_type)) = (shape, from_kind, DataType::from_name(&output.data_type)) else {
                continue;
            };
            outputs.push(Output {
                name: output.name.clone(),
                from: from.value.clone(),
                from_kind,
                data_type,
                shape,
                optional: output.optional,
                count: count.flatten(),
                doc: output.doc.clone(),
            });
        }
        let capacity = head.generation.as_ref().map(|generation| resolver.of_kind(&generation.capacity, Kind::Int));
        let generation = head.generation.clone().zip(capacity.flatten()).map(|(spec, capacity)| Generation { spec, capacity });
        let mut read = BTreeSet::new();
        let mut visit = |typed: &Typed| {
            if let TypedNode::Name(NameKind::Input | NameKind::State, name) = &typed.node {
                read.insert(name.clone());
            }
        };
        own_parts.iter().for_each(|&index| walk_steps(&parts[index].steps, &mut visit));
        walk_steps(&steps, &mut visit);
        read.extend(outputs.iter().filter(|output| output.from_kind == NameKind::Input).map(|output| output.from.clone()));
        let is_written = |state: &&State| own_lists.contains(state.name.value.as_str());
        heads.push(Head {
            name: head.name.clone(),
            classes: head.classes.clone(),
            pipeline: head.pipeline.clone(),
            doc: head.doc.clone(),
            base: head.base,
            is_graph: head.is_graph,
            parts: own_parts,
            steps,
            outputs,
            inputs: inputs.iter().map(|input| input.name.clone()).filter(|name| read.contains(name)).collect(),
            reads: states.iter().map(|state| state.name.value.clone()).filter(|name| read.contains(name)).collect(),
            writes: states.iter().filter(is_written).map(|state| state.name.value.clone()).collect(),
            generation,
        });
    }
    surroundings(&spec, &heads, &mut resolver);
    unused(&spec, &mut resolver, surplus);
    if resolver.refused {
        return None;
    }
    export(&mut parts, &heads, &visible);
    Some(Plan { spec, library: Arc::clone(&library), dimensions, made, inputs, states, parts, heads, ties })
}

/// The parts that a head stands on, by their place.
fn head_parts(spec: &Model, head: &model::Head, parts: &[Part], diagnostics: &mut Diagnostics) -> Vec<usize> {
    let Some(named) = &head.parts else { return (0..parts.len()).collect() };
    let mut indices = Vec::new();
    for name in named {
        match spec.parts.iter().position(|part| part.name.as_ref().is_some_and(|known| known.value == name.value)) {
            Some(index) if indices.last().is_none_or(|last| *last < index) => indices.push(index),
            Some(_) => diagnostics.add(Code::WrongArgument, name.span.clone(), "parts are named once, in their order", None),
            None => {
                let known = spec.parts.iter().filter_map(|part| part.name.as_ref()).map(|name| name.value.as_str());
                let message = format!("the base model has no part `{}`", name.value);
                diagnostics.add(Code::UnknownName, name.span.clone(), message, names::did_you_mean(&name.value, known));
            }
        }
    }
    for &index in &indices {
        let lacking = reads_of(&parts[index].steps)
            .into_iter()
            .find_map(|name| (0..index).find(|earlier| !indices.contains(earlier) && parts[*earlier].bound.contains(&name)));
        if let Some(earlier) = lacking {
            let message = format!("the part `{}` reads of `{}`, which is left out here", parts[index].name, parts[earlier].name);
            diagnostics.add(Code::UnknownName, head.name.span.clone(), message, "name it in `parts` too".to_owned());
        }
    }
    indices
}

/// Names of the base model that steps read.
fn reads_of(steps: &[TypedStep]) -> BTreeSet<String> {
    let mut read: BTreeSet<String> = carried(steps).into_iter().collect();
    walk_steps(steps, &mut |typed| {
        if let TypedNode::Name(NameKind::Base, name) = &typed.node {
            read.insert(name.clone());
        }
    });
    read
}

/// What stands around the heads: what a generation names, states that nothing makes, names of parts.
fn surroundings(spec: &Model, heads: &[Head], resolver: &mut Resolver<'_>) {
    let graph = |name: &str| heads.iter().find(|head| head.is_graph && head.name.value == name);
    let mut wrong = |name: &Spanned<String>, message: String, known: Vec<&str>| {
        resolver.diagnostics.add(Code::UnknownName, name.span.clone(), message, names::did_you_mean(&name.value, known));
    };
    for head in heads {
        let Some(generation) = head.generation.as_ref().map(|generation| &generation.spec) else { continue };
        let graphs: Vec<&str> = heads.iter().filter(|head| head.is_graph).map(|head| head.name.value.as_str()).collect();
        for name in [Some(&generation.step), generation.encode.as_ref(), generation.reorder.as_ref()].into_iter().flatten() {
            if graph(&name.value).is_none() {
                wrong(name, format!("there is no graph `{}`", name.value), graphs.clone());
            }
        }
        let mut input_of = |head: Option<&Head>, name: &Spanned<String>| {
            if let Some(head) = head.filter(|head| !head.inputs.contains(&name.value)) {
                let known = head.inputs.iter().map(String::as_str).collect();
                wrong(name, format!("`{}` has no input `{}`", head.name.value, name.value), known);
            }
        };
        let step = graph(&generation.step.value);
        input_of(Some(head), &generation.ids);
        input_of(step, &generation.token);
        input_of(step, &generation.position);
        if let Some(order) = &generation.order {
            input_of(generation.reorder.as_ref().and_then(|reorder| graph(&reorder.value)), order);
        }
        for head in [Some(head), step].into_iter().flatten() {
            if !head.outputs.iter().any(|output| output.name.value == generation.logits.value) {
                let known = head.outputs.iter().map(|output| output.name.value.as_str()).collect();
                let message = format!("`{}` has no output `{}`", head.name.value, generation.logits.value);
                wrong(&generation.logits, message, known);
            }
        }
    }
    for state in &spec.states {
        if !heads.iter().any(|head| head.writes.contains(&state.name.value)) {
            let message = format!("nothing makes the state `{}`", state.name.value);
            let help = format!("`collect: {{ {}: … }}` in a graph", state.name.value);
            resolver.diagnostics.add(Code::UnusedDeclaration, state.name.span.clone(), message, help);
        }
    }
    let parts: Vec<&Spanned<String>> = spec.parts.iter().filter_map(|part| part.name.as_ref()).collect();
    let steps = spec.parts.iter().map(|part| &part.steps).chain(spec.heads.iter().map(|head| &head.steps));
    let bound: BTreeSet<&str> = steps.flat_map(|steps| super::steps::bound_names(steps, true)).map(|name| name.value.as_str()).collect();
    for part in parts {
        let taken = bound.contains(part.value.as_str()) || resolver.scope.fixed.contains_key(&part.value);
        if taken || resolver.library.find(&part.value).is_some() {
            let message = format!("`{}` is a part of the base model, and something else", part.value);
            resolver.diagnostics.add(Code::NameTaken, part.span.clone(), message, None);
        }
    }
}

/// Config keys, dimensions and inputs by name; no two of one name.
fn declare(spec: &Model, diagnostics: &mut Diagnostics) -> BTreeMap<String, (NameKind, Option<Kind>)> {
    let keys = spec.config.iter().map(|key| (&key.name, NameKind::Config, literal_kind(&key.default)));
    let dimensions = spec.dimensions.iter().map(|dimension| (&dimension.name, NameKind::Dimension, Kind::Int));
    let inputs = spec.inputs.iter().map(|input| (&input.name, NameKind::Input, Kind::Tensor));
    let states = spec.states.iter().map(|state| (&state.name, NameKind::State, Kind::Tensors));
    let mut fixed = BTreeMap::new();
    for (name, name_kind, kind) in keys.chain(dimensions).chain(inputs).chain(states) {
        if fixed.insert(name.value.clone(), (name_kind, Some(kind))).is_some() {
            let message = format!("`{}` is declared twice", name.value);
            diagnostics.add(
                Code::NameTaken,
                name.span.clone(),
                message,
                "config keys, dimensions, inputs and states have names of their own".to_owned(),
            );
        }
    }
    if spec.heads.iter().all(|head| head.is_graph) {
        diagnostics.add(Code::MissingField, spec.family.span.clone(), "a model has at least one head", None);
    }
    if !names::is_usable(&spec.family.value) {
        let message = format!("`{}` cannot be the name of a module", spec.family.value);
        diagnostics.add(Code::BadName, spec.family.span.clone(), message, "lower-case words joined by `_`".to_owned());
    }
    let mut functions: BTreeSet<String> = BTreeSet::from([spec.family.value.clone()]);
    for head in &spec.heads {
        if !functions.insert(names::snake_case(&head.name.value)) {
            let message = format!("`{}` has the same name in lower case as another head or the family", head.name.value);
            diagnostics.add(Code::NameTaken, head.name.span.clone(), message, None);
        }
    }
    fixed
}

/// Names of config keys in fields that are no expressions.
fn references(spec: &Model, resolver: &mut Resolver<'_>) {
    let limits = spec.inputs.iter().filter_map(|input| input.below.as_ref());
    let paddings = spec.inputs.iter().filter_map(|input| match &input.default {
        Some(InputDefault::PositionsOf { padding, .. }) => Some(padding),
        _ => None,
    });
    for reference in limits.chain(paddings) {
        match resolver.scope.fixed.get(&reference.value) {
            Some((NameKind::Config, Some(Kind::Int))) => resolver.scope.note_read(&reference.value),
            _ => {
                let keys = spec.config.iter().map(|key| key.name.value.as_str());
                let message = format!("`{}` is no whole number of the config", reference.value);
                resolver.diagnostics.add(Code::UnknownName, reference.span.clone(), message, names::did_you_mean(&reference.value, keys));
            }
        }
    }
    for masks in spec.inputs.iter().filter_map(|input| input.masks.as_ref()) {
        if !spec.dimensions.iter().any(|dimension| dimension.name.value == masks.value) {
            let help = names::did_you_mean(&masks.value, spec.dimensions.iter().map(|dimension| dimension.name.value.as_str()));
            resolver.diagnostics.add(Code::UnknownName, masks.span.clone(), format!("there is no dimension `{}`", masks.value), help);
        }
    }
    for key in &spec.config {
        if let Some(called) = key.called.as_ref().filter(|called| spec.config.iter().any(|known| known.name.value == called.value)) {
            let message = format!("`{}` is a config key of its own", called.value);
            resolver.diagnostics.add(Code::NameTaken, called.span.clone(), message, None);
        }
    }
    for input in &spec.inputs {
        let Some(InputDefault::PositionsOf { input: other, .. }) = &input.default else { continue };
        let known = spec.inputs.iter().find(|known| known.name.value == other.value);
        let fits = |known: &crate::spec::model::Input| {
            let texts = |shape: &[crate::spec::Expression]| shape.iter().map(|size| size.text.clone()).collect::<Vec<_>>();
            !matches!(known.default, Some(InputDefault::PositionsOf { .. })) && texts(&known.shape) == texts(&input.shape)
        };
        if !known.is_some_and(fits) {
            let others = spec.inputs.iter().map(|known| known.name.value.as_str()).filter(|known| *known != input.name.value);
            let message = format!("there is no input `{}` of the same shape to count positions of", other.value);
            let help = names::did_you_mean(&other.value, others.filter(|_| known.is_none()));
            resolver.diagnostics.add(Code::UnknownName, other.span.clone(), message, help);
        }
    }
    for (name, value) in &spec.check {
        match spec.config.iter().find(|key| key.name.value == name.value) {
            Some(key) if std::mem::discriminant(&key.default) == std::mem::discriminant(&value.value) => {}
            Some(_) => resolver.diagnostics.add(
                Code::WrongType,
                value.span.clone(),
                format!("`{}` has another type in `config`", name.value),
                None,
            ),
            None => {
                let help = names::did_you_mean(&name.value, spec.config.iter().map(|key| key.name.value.as_str()));
                resolver.diagnostics.add(Code::UnknownName, name.span.clone(), format!("there is no config key `{}`", name.value), help);
            }
        }
    }
    for known in spec.reference.tolerance.iter().map(|(precision, _)| precision) {
        if !model::DATA_TYPES.contains(&known.as_str()) {
            resolver.diagnostics.add(Code::WrongType, spec.family.span.clone(), format!("the tolerance's `{known}` is no data type"), None);
        }
    }
}

/// What keys are where config.json lacks them: other keys, or arithmetic of them.
fn made(spec: &Model, resolver: &mut Resolver<'_>) -> Vec<(String, Typed)> {
    let mut made = Vec::new();
    for (key, or) in spec.config.iter().filter_map(|key| Some((key, key.or.as_ref()?))) {
        let Some(typed) = resolver.of_kind(or, literal_kind(&key.default)) else { continue };
        let mut wrong = None;
        typed.walk(&mut |part| match &part.node {
            TypedNode::Name(NameKind::Config, name) => {
                let place = |name: &str| spec.config.iter().position(|key| key.name.value == *name);
                let made = spec.config.iter().any(|other| other.name.value == *name && other.or.is_some());
                if made && place(name) >= place(&key.name.value) {
                    wrong = Some(format!("`{name}` is made of other keys itself, and has no value before `{}`", key.name.value));
                }
            }
            TypedNode::Name(..) => wrong = Some("a config key is made of other config keys alone".to_owned()),
            _ if matches!(part.kind, Kind::Tensor | Kind::Tensors) => wrong = Some("a config key is no tensor".to_owned()),
            _ => {}
        });
        if let Some(message) = wrong {
            resolver.diagnostics.add(Code::WrongKind, typed.span.clone(), message, None);
        }
        made.push((key.name.value.clone(), typed));
    }
    made
}

/// What bounds the dimensions: arithmetic of config values.
fn dimensions(spec: &Model, resolver: &mut Resolver<'_>) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for dimension in &spec.dimensions {
        let mut size = |size: &Option<crate::spec::Expression>| {
            let typed = resolver.of_kind(size.as_ref()?, Kind::Int)?;
            let mut foreign = false;
            typed.walk(&mut |typed| {
                foreign |= matches!(&typed.node, TypedNode::Name(kind, _) if *kind != NameKind::Config)
                    || matches!(typed.node, TypedNode::Size(..));
            });
            if foreign {
                let message = "a size is bounded by config values alone";
                resolver.diagnostics.add(Code::WrongKind, typed.span.clone(), message, None);
            }
            Some(typed)
        };
        let (minimum, maximum, usual) = (size(&dimension.minimum), size(&dimension.maximum), size(&dimension.usual));
        dimensions.push(Dimension { name: dimension.name.value.clone(), minimum, maximum, usual });
    }
    dimensions
}

/// Declarations and steps that nothing reads. Only where all else is right: a refused expression reads nothing.
fn unused(spec: &Model, resolver: &mut Resolver<'_>, surplus: &mut Diagnostics) {
    let mut collected: Vec<_> = spec.parts.iter().flat_map(|part| lists(&part.steps)).collect();
    spec.heads.iter().for_each(|head| collected.extend(lists(&head.steps)));
    for list in collected {
        let is_state = spec.states.iter().any(|state| state.name.value == list.value);
        if !is_state
            && !spec.heads.iter().any(|head| head.outputs.iter().any(|output| output.count.is_some() && output.from.value == list.value))
        {
            let message = format!("no head has a list output `{}`", list.value);
            surplus.add(Code::UnusedStep, list.span.clone(), message, "give the output a `count`".to_owned());
        }
    }
    if !resolver.diagnostics.is_empty() || resolver.refused {
        return;
    }
    resolver.scope.report_unused(surplus);
    let keys = spec.config.iter().filter(|key| key.must_be.is_none()).map(|key| (&key.name, "config key"));
    let inputs = spec.inputs.iter().map(|input| (&input.name, "input"));
    for (name, what) in keys.chain(inputs) {
        if !resolver.scope.is_read(&name.value) {
            let message = format!("nothing reads the {what} `{}`", name.value);
            surplus.add(Code::UnusedDeclaration, name.span.clone(), message, "delete it, or state what it `must_be`".to_owned());
        }
    }
}

fn lists(steps: &[Step]) -> Vec<&Spanned<String>> {
    steps
        .iter()
        .flat_map(|step| match step {
            Step::Collect { list, .. } => vec![list],
            Step::Repeat { steps, .. } => lists(steps),
            Step::Bind { .. } => vec![],
        })
        .collect()
}

/// Notes what later parts and heads read of each part.
fn export(parts: &mut [Part], heads: &[Head], visible: &[BTreeMap<String, Bound>]) {
    let mut read: BTreeSet<String> = parts.iter().flat_map(|part| reads_of(&part.steps)).collect();
    for head in heads {
        read.extend(reads_of(&head.steps));
        let outputs = head.outputs.iter().filter(|output| output.from_kind == NameKind::Base && output.count.is_none());
        read.extend(outputs.map(|output| output.from.clone()));
    }
    for (part, bound) in parts.iter_mut().zip(visible) {
        part.exports =
            bound.iter().filter(|(name, _)| read.contains(*name)).filter_map(|(name, bound)| Some((name.clone(), bound.kind?))).collect();
    }
}

fn carried(steps: &[TypedStep]) -> Vec<String> {
    let mut names = Vec::new();
    for step in steps {
        if let TypedStep::Repeat { carried: own, steps, .. } = step {
            names.extend(own.iter().filter(|(_, outer)| *outer == NameKind::Base).map(|(name, _)| name.clone()));
            names.extend(carried(steps));
        }
    }
    names
}

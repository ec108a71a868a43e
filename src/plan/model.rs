//! A model with every name resolved: inputs, base steps, heads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipfs_accelerate_runtime::DataType;

use super::library::Library;
use super::resolve::Resolver;
use super::scope::{Scope, Weights};
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
    pub inputs: Vec<Input>,
    pub steps: Vec<TypedStep>,
    pub heads: Vec<Head>,
    pub ties: Vec<Tie>,
    /// Steps of the base model that heads read, in the order of their names.
    pub exports: BTreeMap<String, Kind>,
    /// List outputs that the base model fills.
    pub base_lists: BTreeSet<String>,
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
    pub steps: Vec<TypedStep>,
    pub outputs: Vec<Output>,
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
        walk_steps(&self.steps, &mut visit);
        self.heads.iter().for_each(|head| walk_steps(&head.steps, &mut visit));
        self.library.closure(roots)
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
    let steps = resolver.steps(&spec.steps);
    let base_lists: BTreeSet<String> = lists(&spec.steps).into_iter().map(|list| list.value.clone()).collect();

    // Heads start where the base model ends.
    let base_later = resolver.scope.later.clone();
    let mut base_bound = resolver.scope.bound.clone();
    base_bound.values_mut().for_each(|bound| bound.name_kind = NameKind::Base);
    resolver.scope.weights = Weights::WithBase;
    let mut heads = Vec::new();
    for head in &spec.heads {
        resolver.scope.bound = base_bound.clone();
        resolver.scope.later = base_later.clone();
        let steps = resolver.steps(&head.steps);
        let own_lists: BTreeSet<&str> = lists(&head.steps).into_iter().map(|list| list.value.as_str()).collect();
        let mut outputs = Vec::new();
        for output in &head.outputs {
            let shape = sizes(&mut resolver, &output.shape);
            let count = output.count.as_ref().map(|count| resolver.of_kind(count, Kind::Int));
            let from = &output.from;
            let from_kind =
                match (&output.count, resolver.scope.bound.contains_key(&from.value) || resolver.scope.fixed.contains_key(&from.value)) {
                    (Some(_), _) if base_lists.contains(&from.value) => Some(NameKind::Base),
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
        heads.push(Head {
            name: head.name.clone(),
            classes: head.classes.clone(),
            pipeline: head.pipeline.clone(),
            doc: head.doc.clone(),
            base: head.base,
            steps,
            outputs,
        });
    }
    unused(&spec, &mut resolver, surplus);
    if resolver.refused {
        return None;
    }
    let exports = exports(&heads, &base_bound.iter().filter_map(|(name, bound)| Some((name.clone(), bound.kind?))).collect());
    Some(Plan { spec, library: Arc::clone(&library), dimensions, inputs, steps, heads, ties, exports, base_lists })
}

/// Config keys, dimensions and inputs by name; no two of one name.
fn declare(spec: &Model, diagnostics: &mut Diagnostics) -> BTreeMap<String, (NameKind, Option<Kind>)> {
    let keys = spec.config.iter().map(|key| (&key.name, NameKind::Config, literal_kind(&key.default)));
    let dimensions = spec.dimensions.iter().map(|dimension| (&dimension.name, NameKind::Dimension, Kind::Int));
    let inputs = spec.inputs.iter().map(|input| (&input.name, NameKind::Input, Kind::Tensor));
    let mut fixed = BTreeMap::new();
    for (name, name_kind, kind) in keys.chain(dimensions).chain(inputs) {
        if fixed.insert(name.value.clone(), (name_kind, Some(kind))).is_some() {
            let message = format!("`{}` is declared twice", name.value);
            diagnostics.add(
                Code::NameTaken,
                name.span.clone(),
                message,
                "config keys, dimensions and inputs have names of their own".to_owned(),
            );
        }
    }
    if spec.heads.is_empty() {
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
        for (other, same) in key.or.iter().map(|other| (other, true)) {
            match spec.config.iter().find(|known| known.name.value == other.value) {
                Some(known) if !same || literal_kind(&known.default) == literal_kind(&key.default) => {}
                Some(_) => {
                    let message = format!("`{}` and `{}` have different types", key.name.value, other.value);
                    resolver.diagnostics.add(Code::WrongType, other.span.clone(), message, None);
                }
                None => {
                    let help = names::did_you_mean(&other.value, spec.config.iter().map(|key| key.name.value.as_str()));
                    let message = format!("there is no config key `{}`", other.value);
                    resolver.diagnostics.add(Code::UnknownName, other.span.clone(), message, help);
                }
            }
        }
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
    let mut collected = lists(&spec.steps);
    spec.heads.iter().for_each(|head| collected.extend(lists(&head.steps)));
    for list in collected {
        if !spec.heads.iter().any(|head| head.outputs.iter().any(|output| output.count.is_some() && output.from.value == list.value)) {
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

/// What heads read of the base model.
fn exports(heads: &[Head], bound: &BTreeMap<String, Kind>) -> BTreeMap<String, Kind> {
    let mut read = BTreeSet::new();
    for head in heads {
        walk_steps(&head.steps, &mut |typed| {
            if let TypedNode::Name(NameKind::Base, name) = &typed.node {
                read.insert(name.clone());
            }
        });
        read.extend(carried(&head.steps));
        read.extend(
            head.outputs
                .iter()
                .filter(|output| output.from_kind == NameKind::Base && output.count.is_none())
                .map(|output| output.from.clone()),
        );
    }
    read.into_iter().filter_map(|name| Some((name.clone(), *bound.get(&name)?))).collect()
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

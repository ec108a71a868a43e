//! A model's spec: what a published model computes.

use std::sync::Arc;

use super::expression::{self, Expression};
use super::fields::{self, Spanned};
use super::schema::{Record, Shape, optional, required};
use super::step::{self, Step};
use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::yaml::{Node, Value};

/// Data types that tensors of a spec may have.
pub const DATA_TYPES: &[&str] = &["float32", "float16", "int32", "uint32", "int64", "uint64", "int8", "uint8"];

/// The file.
pub static MODEL: Record = Record {
    name: "model",
    doc: "What a published model computes: model_specs/models/<family>.yaml.",
    fields: &[
        required("family", Shape::Text, "The file's name; the generated module's name; `model_type` in config.json."),
        optional("extends", Shape::Text, "The family whose spec this one changes: mappings merge, other values replace."),
        optional("doc", Shape::Text, "One sentence about the model, for the generated module."),
        required("source", Shape::Text, "The published implementation that it follows."),
        optional("base_model_prefix", Shape::Text, "Prefix of the base model's weights in checkpoints with a head, as in HF."),
        optional("model_types", Shape::List(&Shape::Text), "Other values of `model_type` in config.json that it computes too."),
        required("config", Shape::Map(&Shape::Either(&Shape::Literal, &CONFIG_KEY)), "Keys of HF config.json with their defaults."),
        optional("check", Shape::Map(&Shape::Literal), "Config values for the second check, where sizes of its own choice cannot work."),
        required("dimensions", Shape::Map(&Shape::Record(&DIMENSION)), "Symbolic sizes, bound when a graph is compiled."),
        required("inputs", Shape::Map(&Shape::Record(&INPUT)), "Inputs by HF's argument names."),
        optional("states", Shape::Map(&Shape::Record(&STATE)), "Tensors that stay on the device from one run to the next."),
        optional("steps", Shape::Steps, "The base model, in the order of the forward pass."),
        optional(
            "parts",
            Shape::Map(&Shape::Steps),
            "In place of `steps`: parts of the base model, of which each graph has those it states.",
        ),
        required(
            "heads",
            Shape::Map(&Shape::Record(&HEAD)),
            "Graphs, by the class in `architectures` of config.json; the first is the default.",
        ),
        optional(
            "graphs",
            Shape::Map(&Shape::Record(&GRAPH)),
            "Graphs beside the heads, by names of their own: what a generation loop runs.",
        ),
        optional("weights", Shape::Record(&WEIGHTS), "How weights are called in checkpoints."),
        required("reference", Shape::Record(&REFERENCE), "What the goldens were made with, and how near a test must come."),
    ],
};

static CONFIG_KEY: Record = Record {
    name: "config_key",
    doc: "A key of HF config.json.",
    fields: &[
        required("default", Shape::Literal, "The value where config.json lacks the key; its type is the key's."),
        optional("doc", Shape::Text, "What it means."),
        optional("called", Shape::Text, "What config.json calls it, where a spec that extends another keeps that one's name."),
        optional("or", Shape::Expression, "What it is where config.json lacks it or says null: another key, or arithmetic of keys."),
        optional("count_of", Shape::Text, "The key whose entries HF counts where this one is absent."),
        optional("must_be", Shape::Scalar, "The only value that this spec computes; others are refused by name."),
        optional("reason", Shape::Text, "Why no other."),
    ],
};

static DIMENSION: Record = Record {
    name: "dimension",
    doc: "A symbolic size.",
    fields: &[
        optional("minimum", Shape::Expression, "The smallest it may be; 1 if absent."),
        optional("maximum", Shape::Expression, "The largest it may be: a config key, or arithmetic of them."),
        optional("usual", Shape::Expression, "What it mostly is: the size for which `gen plan` counts; 128 if absent, 1 for `batch`."),
    ],
};

static INPUT: Record = Record {
    name: "input",
    doc: "An input.",
    fields: &[
        required("type", Shape::Choice(DATA_TYPES), "Type of the elements."),
        required("shape", Shape::List(&Shape::Expression), "Sizes: dimensions, config keys, numbers."),
        optional("default", Shape::Either(&Shape::Choice(&["zeros", "ones", "positions"]), &POSITIONS_OF), "What it is when not given."),
        optional("below", Shape::Text, "The config key whose value is the first element that is too large; elements start at 0."),
        optional("masks", Shape::Text, "The dimension whose positions it hides where it is 0; generated tests pad along it."),
        optional("doc", Shape::Text, "What it means."),
    ],
};

static POSITIONS_OF: Record = Record {
    name: "positions_of",
    doc: "Positions among the elements of another input that are no padding, as fairseq counts them.",
    fields: &[
        required("positions_of", Shape::Text, "The input whose elements are counted along the last axis, from `padding` + 1."),
        required("padding", Shape::Text, "The config key whose value marks padding, and is the position of padding."),
    ],
};

static HEAD: Record = Record {
    name: "head",
    doc: "One graph of the model.",
    fields: &[
        optional("was", Shape::Text, "In a spec that extends another: the head there that this one changes and takes the place of."),
        optional("classes", Shape::List(&Shape::Text), "Other classes in `architectures` that are this graph."),
        required("pipeline", Shape::Text, "HF's name of the task."),
        optional("doc", Shape::Text, "One sentence."),
        optional("base", Shape::Bool, "True for the base model itself: the head's own weights stand under the base prefix too."),
        optional(
            "parts",
            Shape::List(&Shape::Text),
            "The parts of the base model that it stands on, in their order; all of them if absent.",
        ),
        optional("steps", Shape::Steps, "What follows on the base model."),
        required("outputs", Shape::Map(&Shape::Record(&OUTPUT)), "Outputs by HF's field names."),
        optional("generation", Shape::Record(&GENERATION), "How the head's outputs are made one token at a time."),
    ],
};

static GRAPH: Record = Record {
    name: "graph",
    doc: "A graph beside the heads.",
    fields: &[
        optional("doc", Shape::Text, "One sentence."),
        optional(
            "parts",
            Shape::List(&Shape::Text),
            "The parts of the base model that it stands on, in their order; all of them if absent.",
        ),
        optional("steps", Shape::Steps, "What follows; `collect` into a state is what the state is after the run."),
        optional("outputs", Shape::Map(&Shape::Record(&OUTPUT)), "Outputs that leave the device."),
    ],
};

static STATE: Record = Record {
    name: "state",
    doc: "A list of tensors that stay on the device: `name[0]`, `name[1]`, … in steps.",
    fields: &[
        required("type", Shape::Choice(DATA_TYPES), "Type of the elements."),
        required("shape", Shape::List(&Shape::Expression), "Sizes: dimensions, config keys, arithmetic of them."),
        required("count", Shape::Expression, "How many tensors."),
        optional("doc", Shape::Text, "What it means."),
    ],
};

/// `generation:` of a head.
static GENERATION: Record = Record {
    name: "generation",
    doc: "How a head's outputs are made one token at a time: graphs, and the inputs and outputs that a loop feeds.",
    fields: &[
        optional("encode", Shape::Text, "The graph that is run once, before the first step."),
        required("step", Shape::Text, "The graph that is run for every token."),
        optional("reorder", Shape::Text, "The graph that puts the states' rows in another order, for beams."),
        required("ids", Shape::Text, "The head's input of tokens."),
        required("token", Shape::Text, "The step's input of one token for each row."),
        required("position", Shape::Text, "The step's input of the token's place, from 0."),
        optional("order", Shape::Text, "The reordering graph's input: for each row the row that it becomes."),
        required("logits", Shape::Text, "The output, of the head for every place, of the step for one."),
        required("capacity", Shape::Expression, "How many tokens the states hold."),
    ],
};

static OUTPUT: Record = Record {
    name: "output",
    doc: "One output.",
    fields: &[
        optional("from", Shape::Text, "The step that makes it; the one of its own name if absent."),
        required("type", Shape::Choice(DATA_TYPES), "Type of the elements."),
        required("shape", Shape::List(&Shape::Expression), "Sizes: dimensions, config keys, arithmetic of them."),
        optional("optional", Shape::Bool, "Left out, and reported, where the checkpoint lacks its weights."),
        optional("count", Shape::Expression, "How many tensors a list output has; `collect` fills it."),
        optional("doc", Shape::Text, "What it means."),
    ],
};

static WEIGHTS: Record = Record {
    name: "weights",
    doc: "How weights are called in checkpoints.",
    fields: &[
        optional(
            "called",
            Shape::Map(&Shape::Text),
            "Parts of paths as the steps spell them, with what the checkpoint calls them; `*` is one word.",
        ),
        optional(
            "renamed",
            Shape::Map(&Shape::Text),
            "Parts of paths that other checkpoints use, with the spelling used here; `*` is one word.",
        ),
        optional("tied", Shape::Map(&Shape::Record(&TIE)), "Weights that are another weight."),
        optional("ignored", Shape::List(&Shape::Text), "Patterns of surplus tensors that need no report."),
    ],
};

static TIE: Record = Record {
    name: "tie",
    doc: "A weight that is another weight.",
    fields: &[
        required("to", Shape::Text, "The weight that is read in its stead."),
        optional("when", Shape::Expression, "The truth value of the config on which it depends."),
    ],
};

static REFERENCE: Record = Record {
    name: "reference",
    doc: "What the goldens were made with.",
    fields: &[
        required("class", Shape::Text, "The published class."),
        required("tolerance", Shape::Map(&Shape::Number), "Largest absolute error of a test, by precision."),
    ],
};

/// A value of a config.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    /// As many whole numbers; one in config.json stands for all of them.
    Ints(Vec<i64>),
}

/// What a published model computes.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Model {
    /// The file, then those it extends.
    pub files: Vec<Arc<SourceText>>,
    pub family: Spanned<String>,
    pub doc: Option<String>,
    pub source: String,
    pub base_model_prefix: String,
    pub model_types: Vec<String>,
    pub config: Vec<ConfigKey>,
    pub check: Vec<(Spanned<String>, Spanned<Literal>)>,
    pub dimensions: Vec<Dimension>,
    pub inputs: Vec<Input>,
    pub states: Vec<State>,
    /// One without a name where the base model has no parts.
    pub parts: Vec<Part>,
    /// The heads, then the graphs beside them.
    pub heads: Vec<Head>,
    pub weights: Weights,
    pub reference: Reference,
}

/// A key of HF config.json.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct ConfigKey {
    pub name: Spanned<String>,
    pub default: Literal,
    pub doc: Option<String>,
    pub called: Option<Spanned<String>>,
    pub or: Option<Expression>,
    pub count_of: Option<String>,
    pub must_be: Option<Spanned<Literal>>,
    pub reason: Option<String>,
}

/// A symbolic size.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Dimension {
    pub name: Spanned<String>,
    pub minimum: Option<Expression>,
    pub maximum: Option<Expression>,
    pub usual: Option<Expression>,
}

/// An input.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Input {
    pub name: Spanned<String>,
    pub data_type: String,
    pub shape: Vec<Expression>,
    pub default: Option<InputDefault>,
    pub below: Option<Spanned<String>>,
    pub masks: Option<Spanned<String>>,
    pub doc: Option<String>,
}

/// What an input is when it is not given.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum InputDefault {
    Zeros,
    Ones,
    Positions,
    /// Positions among the elements of another input that are no padding.
    PositionsOf {
        input: Spanned<String>,
        padding: Spanned<String>,
    },
}

impl std::fmt::Display for InputDefault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InputDefault::Zeros => f.write_str("zeros"),
            InputDefault::Ones => f.write_str("ones"),
            InputDefault::Positions => f.write_str("0, 1, 2, … along the last axis"),
            InputDefault::PositionsOf { input, padding } => {
                write!(f, "positions among the elements of `{}` that are not `{}`, from `{1}` + 1", input.value, padding.value)
            }
        }
    }
}

/// Steps of the base model that graphs share.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Part {
    pub name: Option<Spanned<String>>,
    pub steps: Vec<Step>,
}

/// Tensors that stay on the device.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct State {
    pub name: Spanned<String>,
    pub data_type: String,
    pub shape: Vec<Expression>,
    pub count: Expression,
    pub doc: Option<String>,
}

/// How a head's outputs are made one token at a time.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Generation {
    pub encode: Option<Spanned<String>>,
    pub step: Spanned<String>,
    pub reorder: Option<Spanned<String>>,
    pub ids: Spanned<String>,
    pub token: Spanned<String>,
    pub position: Spanned<String>,
    pub order: Option<Spanned<String>>,
    pub logits: Spanned<String>,
    pub capacity: Expression,
}

/// One graph.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Head {
    pub name: Spanned<String>,
    pub classes: Vec<String>,
    pub pipeline: String,
    pub doc: Option<String>,
    pub base: bool,
    /// True for a graph beside the heads.
    pub is_graph: bool,
    pub parts: Option<Vec<Spanned<String>>>,
    pub steps: Vec<Step>,
    pub outputs: Vec<Output>,
    pub generation: Option<Generation>,
}

/// One output of a head.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Output {
    pub name: Spanned<String>,
    pub from: Spanned<String>,
    pub data_type: String,
    pub shape: Vec<Expression>,
    pub optional: bool,
    pub count: Option<Expression>,
    pub doc: Option<String>,
}

/// How weights are called in checkpoints.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Weights {
    pub called: Vec<(String, String)>,
    pub renamed: Vec<(String, String)>,
    pub tied: Vec<Tie>,
    pub ignored: Vec<String>,
}

/// A weight that is another weight.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Tie {
    pub name: Spanned<String>,
    pub to: Spanned<String>,
    pub when: Option<Expression>,
}

/// What the goldens were made with.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Reference {
    pub class: String,
    pub tolerance: Vec<(String, f64)>,
}

impl Model {
    /// Reads a node that [`MODEL`] has checked; what does not fit is left out.
    pub fn read(node: &Node, files: Vec<Arc<SourceText>>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let named = |name| fields::get(node, name).map_or(&[][..], fields::entries);
        let config = named("config").iter().filter_map(|(key, value)| config_key(key, value, diagnostics)).collect();
        let check = named("check").iter().filter_map(|(key, value)| Some((fields::spanned(key)?, literal(value)?))).collect();
        let dimensions = named("dimensions")
            .iter()
            .filter_map(|(key, value)| {
                let mut size = |name| fields::get(value, name).and_then(|node| expression::read(node, diagnostics));
                let (minimum, maximum, usual) = (size("minimum"), size("maximum"), size("usual"));
                Some(Dimension { name: step::usable(key, diagnostics)?, minimum, maximum, usual })
            })
            .collect();
        let inputs = named("inputs").iter().filter_map(|(key, value)| input(key, value, diagnostics)).collect();
        let states = named("states").iter().filter_map(|(key, value)| state(key, value, diagnostics)).collect();
        let parts = parts(node, diagnostics);
        let mut heads: Vec<Head> = named("heads").iter().filter_map(|(key, value)| head(key, value, diagnostics)).collect();
        heads.extend(named("graphs").iter().filter_map(|(key, value)| graph(key, value, diagnostics)));
        Some(Self {
            files,
            family: fields::spanned_text(node, "family")?,
            doc: fields::text(node, "doc"),
            source: fields::text(node, "source")?,
            base_model_prefix: fields::text(node, "base_model_prefix").unwrap_or_default(),
            model_types: texts(node, "model_types"),
            config,
            check,
            dimensions,
            inputs,
            states,
            parts,
            heads,
            weights: fields::get(node, "weights").map(|node| weights(node, diagnostics)).unwrap_or_default(),
            reference: reference(fields::get(node, "reference")?)?,
        })
    }
}

fn literal(node: &Node) -> Option<Spanned<Literal>> {
    let value = match &node.value {
        Value::Int(number) => Literal::Int(*number),
        Value::Float(number) => Literal::Float(*number),
        Value::Bool(flag) => Literal::Bool(*flag),
        Value::Text(text) => Literal::Text(text.clone()),
        Value::List(nodes) => Literal::Ints(
            nodes.iter().map(|node| if let Value::Int(number) = node.value { Some(number) } else { None }).collect::<Option<_>>()?,
        ),
        _ => return None,
    };
    Some(Spanned { value, span: node.span.clone() })
}

fn config_key(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<ConfigKey> {
    let name = step::usable(key, diagnostics);
    let default = match &value.value {
        Value::Map(_) => fields::get(value, "default").and_then(literal)?,
        _ => literal(value)?,
    };
    let negative = match &default.value {
        Literal::Int(number) => *number < 0,
        Literal::Ints(numbers) => numbers.iter().any(|number| *number < 0),
        _ => false,
    };
    if negative {
        let message = "a whole number of a config is a size or a count, and not negative";
        diagnostics.add(Code::WrongType, default.span.clone(), message, "write a decimal point if it is a number".to_owned());
    }
    let must_be = fields::get(value, "must_be").and_then(literal);
    if let Some(must_be) = &must_be
        && std::mem::discriminant(&must_be.value) != std::mem::discriminant(&default.value)
    {
        diagnostics.add(Code::WrongType, must_be.span.clone(), "`must_be` and `default` have one type", None);
    }
    Some(ConfigKey {
        name: name?,
        default: default.value,
        doc: fields::text(value, "doc"),
        called: fields::spanned_text(value, "called"),
        or: fields::get(value, "or").and_then(|node| expression::read(node, diagnostics)),
        count_of: fields::text(value, "count_of"),
        must_be,
        reason: fields::text(value, "reason"),
    })
}

fn input(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<Input> {
    Some(Input {
        name: step::usable(key, diagnostics)?,
        data_type: fields::text(value, "type")?,
        shape: expressions(fields::get(value, "shape"), diagnostics),
        default: fields::get(value, "default").and_then(input_default),
        below: fields::spanned_text(value, "below"),
        masks: fields::spanned_text(value, "masks"),
        doc: fields::text(value, "doc"),
    })
}

fn input_default(node: &Node) -> Option<InputDefault> {
    Some(match node.text() {
        Some("zeros") => InputDefault::Zeros,
        Some("ones") => InputDefault::Ones,
        Some(_) => InputDefault::Positions,
        None => InputDefault::PositionsOf {
            input: fields::spanned_text(node, "positions_of")?,
            padding: fields::spanned_text(node, "padding")?,
        },
    })
}

fn texts(node: &Node, name: &str) -> Vec<String> {
    fields::texts(fields::get(node, name)).into_iter().map(|text| text.value).collect()
}

fn head(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<Head> {
    let name = fields::spanned(key)?;
    if !names::is_class(&name.value) {
        let help = "as the class is called: `BertModel`".to_owned();
        diagnostics.add(Code::BadName, name.span.clone(), format!("`{}` is no name of a class", name.value), help);
    }
    if let Some(was) = fields::spanned_text(value, "was") {
        let help = "an entry that is new stands for itself".to_owned();
        diagnostics.add(Code::UnknownField, was.span, "`was` names a head of the spec that this one extends", help);
    }
    Some(Head {
        classes: texts(value, "classes"),
        pipeline: fields::text(value, "pipeline")?,
        doc: fields::text(value, "doc"),
        base: fields::flag(value, "base").unwrap_or(false),
        is_graph: false,
        parts: fields::get(value, "parts").map(|parts| fields::texts(Some(parts))),
        steps: step::read_all(fields::get(value, "steps"), diagnostics),
        outputs: outputs(value, diagnostics),
        generation: fields::get(value, "generation").and_then(|node| generation(node, diagnostics)),
        name,
    })
}

fn graph(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<Head> {
    Some(Head {
        name: step::usable(key, diagnostics)?,
        classes: Vec::new(),
        pipeline: String::from("graph"),
        doc: fields::text(value, "doc"),
        base: false,
        is_graph: true,
        parts: fields::get(value, "parts").map(|parts| fields::texts(Some(parts))),
        steps: step::read_all(fields::get(value, "steps"), diagnostics),
        outputs: outputs(value, diagnostics),
        generation: None,
    })
}

fn outputs(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Output> {
    let outputs = fields::get(node, "outputs").map_or(&[][..], fields::entries);
    outputs.iter().filter_map(|(key, value)| output(key, value, diagnostics)).collect()
}

/// `steps` or `parts`: the one or the other.
fn parts(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Part> {
    let (steps, parts) = (fields::get(node, "steps"), fields::get(node, "parts"));
    match (steps, parts) {
        (Some(_), Some(parts)) => {
            let message = "a base model has `steps` or `parts`, not both";
            diagnostics.add(Code::UnknownField, parts.span.clone(), message, None);
        }
        (None, None) => {
            let help = "the base model, in the order of the forward pass; or its parts by name".to_owned();
            let place = fields::entries(node).first().map_or(&node.span, |(key, _)| &key.span);
            diagnostics.add(Code::MissingField, place.clone(), "the field `steps` is missing", help);
        }
        _ => {}
    }
    match parts {
        None => vec![Part { name: None, steps: step::read_all(steps, diagnostics) }],
        Some(parts) => fields::entries(parts)
            .iter()
            .filter_map(|(key, value)| {
                let steps = step::read_all(Some(value), diagnostics);
                Some(Part { name: Some(step::usable(key, diagnostics)?), steps })
            })
            .collect(),
    }
}

fn state(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<State> {
    Some(State {
        name: step::usable(key, diagnostics)?,
        data_type: fields::text(value, "type")?,
        shape: expressions(fields::get(value, "shape"), diagnostics),
        count: expression::read(fields::get(value, "count")?, diagnostics)?,
        doc: fields::text(value, "doc"),
    })
}

fn generation(node: &Node, diagnostics: &mut Diagnostics) -> Option<Generation> {
    let text = |name| fields::spanned_text(node, name);
    Some(Generation {
        encode: text("encode"),
        step: text("step")?,
        reorder: text("reorder"),
        ids: text("ids")?,
        token: text("token")?,
        position: text("position")?,
        order: text("order"),
        logits: text("logits")?,
        capacity: expression::read(fields::get(node, "capacity")?, diagnostics)?,
    })
}

fn output(key: &Node, value: &Node, diagnostics: &mut Diagnostics) -> Option<Output> {
    let name = step::usable(key, diagnostics)?;
    Some(Output {
        from: fields::spanned_text(value, "from").unwrap_or_else(|| name.clone()),
        name,
        data_type: fields::text(value, "type")?,
        shape: expressions(fields::get(value, "shape"), diagnostics),
        optional: fields::flag(value, "optional").unwrap_or(false),
        count: fields::get(value, "count").and_then(|node| expression::read(node, diagnostics)),
        doc: fields::text(value, "doc"),
    })
}

fn expressions(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Expression> {
    fields::list(node).iter().filter_map(|node| expression::read(node, diagnostics)).collect()
}

fn weights(node: &Node, diagnostics: &mut Diagnostics) -> Weights {
    let named = |name| fields::get(node, name).map_or(&[][..], fields::entries);
    let pairs = |name| named(name).iter().filter_map(|(from, to)| Some((from.text()?.to_owned(), to.text()?.to_owned()))).collect();
    Weights {
        called: pairs("called"),
        renamed: pairs("renamed"),
        tied: named("tied")
            .iter()
            .filter_map(|(key, value)| {
                let when = fields::get(value, "when").and_then(|node| expression::read(node, diagnostics));
                Some(Tie { name: fields::spanned(key)?, to: fields::spanned_text(value, "to")?, when })
            })
            .collect(),
        ignored: fields::texts(fields::get(node, "ignored")).into_iter().map(|pattern| pattern.value).collect(),
    }
}

fn reference(node: &Node) -> Option<Reference> {
    let tolerance = fields::get(node, "tolerance").map_or(&[][..], fields::entries);
    Some(Reference {
        class: fields::text(node, "class")?,
        tolerance: tolerance.iter().filter_map(|(key, value)| Some((key.text()?.to_owned(), fields::number(value)?))).collect(),
    })
}

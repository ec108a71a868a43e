//! A block's spec: steps with a name and parameters, called from models and other blocks.

use std::sync::Arc;

use super::expression::{self, Expression};
use super::fields::{self, Spanned};
use super::schema::{Record, Shape, optional, required};
use super::step::{self, Step};
use crate::diagnostics::{Diagnostics, SourceText};
use crate::yaml::Node;

/// Types of parameters.
pub const PARAMETER_TYPES: &[&str] = &["tensor", "prefix", "int", "float", "bool", "text", "ints"];

/// The file.
pub static BLOCK: Record = Record {
    name: "block",
    doc: "Steps with a name and parameters: model_specs/blocks/<block>.yaml.",
    fields: &[
        required("block", Shape::Text, "The file's name; the function's name."),
        required("doc", Shape::Text, "One sentence and a formula, for the generated function."),
        required(
            "parameters",
            Shape::Map(&Shape::Either(&Shape::Choice(PARAMETER_TYPES), &PARAMETER)),
            "Parameters in the order of the call.",
        ),
        optional("steps", Shape::Steps, "What it computes."),
        required("returns", Shape::Value, "The value of the call."),
    ],
};

static PARAMETER: Record = Record {
    name: "parameter",
    doc: "A parameter that may be left out.",
    fields: &[
        required("type", Shape::Choice(PARAMETER_TYPES), "Its type."),
        optional("default", Shape::Expression, "Its value where the call does not give it; then it is given by name."),
        optional("doc", Shape::Text, "What it means."),
    ],
};

/// Steps with a name and parameters.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Block {
    pub file: Arc<SourceText>,
    pub name: Spanned<String>,
    pub doc: String,
    pub parameters: Vec<Parameter>,
    pub steps: Vec<Step>,
    pub returns: step::Choice,
}

/// A parameter of a block.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Parameter {
    pub name: Spanned<String>,
    pub kind: String,
    pub default: Option<Expression>,
    pub doc: Option<String>,
}

impl Block {
    /// Reads a node that [`BLOCK`] has checked.
    pub fn read(node: &Node, file: Arc<SourceText>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut parameters = Vec::new();
        for (key, value) in fields::get(node, "parameters").map_or(&[][..], fields::entries) {
            let kind = value.text().map(str::to_owned).or_else(|| fields::text(value, "type"));
            let default = fields::get(value, "default").and_then(|node| expression::read(node, diagnostics));
            if let (Some(name), Some(kind)) = (step::usable(key, diagnostics), kind) {
                parameters.push(Parameter { name, kind, default, doc: fields::text(value, "doc") });
            }
        }
        let steps = step::read_all(fields::get(node, "steps"), diagnostics);
        let returns = fields::get(node, "returns").and_then(|node| step::read_choice(node, diagnostics));
        let name = fields::get(node, "block").and_then(|node| step::usable(node, diagnostics));
        Some(Self { file, name: name?, doc: fields::text(node, "doc")?, parameters, steps, returns: returns? })
    }
}

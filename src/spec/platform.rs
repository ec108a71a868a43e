//! A platform's spec: what it can compute, and what it lacks with the reason.

use std::sync::Arc;

use super::fields::{self, Spanned};
use super::model::DATA_TYPES;
use super::schema::{Record, Shape, optional, required};
use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::yaml::Node;
use ipfs_accelerate_runtime::graph;

/// The file.
pub static PLATFORM: Record = Record {
    name: "platform",
    doc: "What a platform can compute: model_specs/platforms/<platform>.yaml.",
    fields: &[
        required("platform", Shape::Text, "The file's name."),
        required("doc", Shape::Text, "One sentence."),
        required("fallback", Shape::Int, "Its place in the order in which platforms are tried; the smallest is first."),
        required("runs_on", Shape::List(&Shape::Choice(&["native", "browser"])), "Where it runs."),
        required(
            "precisions",
            Shape::List(&Shape::Choice(&["float32", "float16"])),
            "Types in which it can compute a float32 model; the first is the default.",
        ),
        required("data_types", Shape::List(&Shape::Choice(DATA_TYPES)), "Types that tensors may have there."),
        optional("limits", Shape::Record(&LIMITS), "Bounds of tensors."),
        optional("operators", Shape::Map(&Shape::Record(&EXCEPTION)), "Operators that it lacks, or has in fewer types."),
    ],
};

static LIMITS: Record = Record {
    name: "limits",
    doc: "Bounds of tensors.",
    fields: &[optional("rank", Shape::Int, "Largest number of dimensions of a tensor.")],
};

static EXCEPTION: Record = Record {
    name: "exception",
    doc: "An operator that the platform lacks, or has in fewer types.",
    fields: &[
        optional("types", Shape::List(&Shape::Choice(DATA_TYPES)), "The types of operands that it does take; none if absent."),
        required("reason", Shape::Text, "Why, with the source."),
    ],
};

/// What a platform can compute.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Platform {
    pub file: Arc<SourceText>,
    pub name: Spanned<String>,
    pub doc: String,
    pub fallback: i64,
    pub runs_on: Vec<String>,
    pub precisions: Vec<String>,
    pub data_types: Vec<String>,
    pub rank: Option<usize>,
    pub operators: Vec<Exception>,
}

/// An operator that the platform lacks, or has in fewer types.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Exception {
    pub operator: Spanned<String>,
    pub types: Vec<String>,
    pub reason: String,
}

impl Platform {
    /// Reads a node that [`PLATFORM`] has checked.
    pub fn read(node: &Node, file: Arc<SourceText>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let texts = |name| fields::texts(fields::get(node, name)).into_iter().map(|text| text.value).collect::<Vec<_>>();
        let mut operators = Vec::new();
        for (key, value) in fields::get(node, "operators").map_or(&[][..], fields::entries) {
            let Some(operator) = fields::spanned(key) else { continue };
            if graph::operator_by_name(&operator.value).is_none() {
                let help = names::did_you_mean(&operator.value, graph::OPERATORS.iter().map(|operator| operator.name));
                diagnostics.add(Code::UnknownFunction, operator.span.clone(), format!("there is no operator `{}`", operator.value), help);
            }
            let types = fields::texts(fields::get(value, "types")).into_iter().map(|text| text.value).collect();
            operators.push(Exception { operator, types, reason: fields::text(value, "reason").unwrap_or_default() });
        }
        Some(Self {
            file,
            name: fields::spanned_text(node, "platform")?,
            doc: fields::text(node, "doc")?,
            fallback: fields::int(node, "fallback")?,
            runs_on: texts("runs_on"),
            precisions: texts("precisions"),
            data_types: texts("data_types"),
            rank: fields::get(node, "limits").and_then(|limits| fields::int(limits, "rank")).and_then(|rank| rank.try_into().ok()),
            operators,
        })
    }
}

//! Cases without data: what a builder must accept, with the descriptors it must infer, and what it must refuse.

use std::cell::Cell;

use ipfs_accelerate_runtime::{GraphBuilder, Operand};
use serde_json::Value;

use super::Outcome;
use super::case::{call, descriptor, files, operator};

/// Refusals that are limits of today's browsers, not rules of the operator.
const LIMITS: &[(&str, &str)] = &[
    ("exceeds limit", "a browser's limit on the number of operands"),
    ("rank is too large", "a browser's limit on the rank"),
    ("BigInt", "JavaScript's BigInt: numbers have one kind here"),
];

pub(crate) fn run() -> Vec<(String, String, Outcome)> {
    let mut outcomes = Vec::new();
    for (file, cases) in files("validation") {
        for case in cases {
            outcomes.push((file.clone(), case["test"].as_str().unwrap().to_owned(), run_case(&case)));
        }
    }
    outcomes
}

fn run_case(case: &Value) -> Outcome {
    let name = case["op"].as_str().unwrap();
    let Some(operator) = operator(name) else { return Outcome::Unsupported(format!("no operator `{name}`")) };
    let test = case["test"].as_str().unwrap();
    if let Some((_, reason)) = LIMITS.iter().find(|(part, _)| test.contains(part)) {
        return Outcome::Unsupported((*reason).to_owned());
    }
    let builder = GraphBuilder::new();
    let inputs = Cell::new(0);
    let mut operand = |json: &Value| -> Result<Operand, String> {
        let descriptor = descriptor(json.get("operand").ok_or_else(|| format!("{json} is no operand"))?)?;
        inputs.set(inputs.get() + 1);
        builder.input(&format!("input {}", inputs.get()), descriptor).map_err(|error| error.to_string())
    };
    let required = operator.parameters.iter().filter(|parameter| parameter.is_required()).count();
    let arguments = case["args"].as_array().unwrap();
    let (positional, rest) = arguments.split_at(required.min(arguments.len()));
    let label = rest.first().and_then(|options| options["label"].as_str()).unwrap_or("");
    let result = builder.scope(label, || call(&builder, operator, positional, rest.first(), &mut operand));
    match (case["expect"].as_str().unwrap(), result) {
        ("accept", Ok(outputs)) => {
            let expected: Vec<_> = case["outputs"].as_array().into_iter().flatten().map(|json| descriptor(json).unwrap()).collect();
            let found: Vec<_> = outputs.iter().map(|output| output.descriptor().clone()).collect();
            if expected.is_empty() || expected == found {
                Outcome::Passed
            } else {
                Outcome::Failed(format!("inferred {found:?}, expected {expected:?}"))
            }
        }
        ("accept", Err(reason)) => Outcome::Failed(format!("refused: {reason}")),
        (_, Ok(outputs)) => {
            Outcome::Failed(format!("accepted: {:?}", outputs.iter().map(|output| output.descriptor().to_string()).collect::<Vec<_>>()))
        }
        (_, Err(reason)) if case["labelInMessage"] == true && !reason.contains(label) => {
            Outcome::Failed(format!("the message lacks the label `{label}`: {reason}"))
        }
        _ => Outcome::Passed,
    }
}

//! What a platform lacks of what a model's graphs need.

use std::collections::{BTreeMap, BTreeSet};

use ipfs_accelerate_runtime::DataType;
use serde::Serialize;

use super::{CheckedPlan, Request};
use crate::spec::Platform;

/// An operator that a platform cannot compute as the model needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unsupported {
    /// The operator, in snake_case.
    pub operator: String,
    /// What is missing.
    pub reason: String,
}

/// An operator with a tensor that it reads or makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    operator: &'static str,
    is_operand: bool,
    data_type: DataType,
    rank: usize,
}

/// Every operator of the model's graphs with the tensors it meets, each once.
pub(super) fn uses(plan: &CheckedPlan) -> BTreeSet<Use> {
    let mut uses = BTreeSet::new();
    for head in &plan.plan().heads {
        let lists = head.outputs.iter().filter(|output| output.count.is_some()).map(|output| output.name.value.clone()).collect();
        let request = Request { lists, ..Request::default() };
        // The check has built this graph already.
        let Ok(graph) = plan.graph(&plan.default_config(), &head.name.value, &plan.example_sizes(), &request) else { continue };
        for node in graph.nodes() {
            let tensors = node.operands().map(|value| (true, value)).chain(node.outputs.iter().map(|value| (false, *value)));
            uses.extend(tensors.map(|(is_operand, value)| {
                let descriptor = graph.descriptor(value);
                Use { operator: node.operator.name, is_operand, data_type: descriptor.data_type, rank: descriptor.rank() }
            }));
        }
    }
    uses
}

/// Every operator and type that the platform lacks, each once, sorted.
pub(super) fn unsupported(uses: &BTreeSet<Use>, platform: &Platform) -> Vec<Unsupported> {
    let exceptions: BTreeMap<&str, _> = platform.operators.iter().map(|exception| (exception.operator.value.as_str(), exception)).collect();
    let mut found = BTreeSet::new();
    for used in uses {
        let mut lacks = |reason: String| found.insert(Unsupported { operator: used.operator.to_owned(), reason });
        let named = |types: &[String]| types.iter().any(|known| known == used.data_type.name());
        match exceptions.get(used.operator) {
            Some(exception) if exception.types.is_empty() => {
                lacks(exception.reason.clone());
            }
            Some(exception) if used.is_operand && !named(&exception.types) => {
                lacks(format!("not of {}: {}", used.data_type, exception.reason));
            }
            _ => {}
        }
        if !named(&platform.data_types) {
            lacks(format!("{} has no {} tensors", platform.name.value, used.data_type));
        }
        if let Some(rank) = platform.rank.filter(|&rank| used.rank > rank) {
            lacks(format!("tensors have at most {rank} dimensions there, found {}", used.rank));
        }
    }
    found.into_iter().collect()
}

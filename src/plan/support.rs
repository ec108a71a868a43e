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

/// Every operator and type that the platform lacks, each once, sorted.
pub(super) fn unsupported(plan: &CheckedPlan, platform: &Platform) -> Vec<Unsupported> {
    let exceptions: BTreeMap<&str, _> = platform.operators.iter().map(|exception| (exception.operator.value.as_str(), exception)).collect();
    let mut found = BTreeSet::new();
    for head in &plan.plan().heads {
        let lists = head.outputs.iter().filter(|output| output.count.is_some()).map(|output| output.name.value.clone()).collect();
        let request = Request { lists, ..Request::default() };
        // The check has built this graph already.
        let Ok(graph) = plan.graph(&plan.default_config(), &head.name.value, &plan.example_sizes(), &request) else { continue };
        for node in graph.nodes() {
            let name = node.operator.name;
            let mut lacks = |reason: String| found.insert(Unsupported { operator: name.to_owned(), reason });
            let exception = exceptions.get(name);
            if let Some(exception) = exception.filter(|exception| exception.types.is_empty()) {
                lacks(exception.reason.clone());
            }
            for value in node.operands().chain(node.outputs.iter().copied()) {
                let descriptor = graph.descriptor(value);
                let data_type: DataType = descriptor.data_type;
                if !platform.data_types.iter().any(|known| known == data_type.name()) {
                    lacks(format!("{} has no {data_type} tensors", platform.name.value));
                }
                if let Some(rank) = platform.rank.filter(|&rank| descriptor.rank() > rank) {
                    lacks(format!("tensors have at most {rank} dimensions there, found {}", descriptor.rank()));
                }
            }
            for value in node.operands() {
                let data_type = graph.descriptor(value).data_type;
                if let Some(exception) = exception
                    .filter(|exception| !exception.types.is_empty() && !exception.types.iter().any(|known| known == data_type.name()))
                {
                    lacks(format!("not of {data_type}: {}", exception.reason));
                }
            }
        }
    }
    found.into_iter().collect()
}

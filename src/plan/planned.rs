//! What a head's graph comes to once optimized: facts that generated tests hold.

use ipfs_accelerate_runtime::optimize::optimize;
use serde::Serialize;

use super::typed::Typed;
use super::{CheckedPlan, Request, Sizes, interpret};

/// One head's graph, optimized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The head.
    pub head: String,
    /// Digest of the graph before optimization, in hexadecimal.
    pub digest: String,
    /// Kernels that one run starts.
    pub dispatches: usize,
    /// Bytes of the arena that holds what is computed on the way.
    pub arena_bytes: usize,
    /// Bytes of the weights.
    pub weight_bytes: usize,
}

pub(super) fn usual_sizes(plan: &CheckedPlan) -> Sizes {
    let config = plan.default_config();
    let size = |dimension: &super::model::Dimension| {
        let of = |size: &Option<Typed>| size.as_ref().and_then(|size| interpret::size(plan.plan(), &config, size));
        let usual = of(&dimension.usual).unwrap_or(if dimension.name == "batch" { 1 } else { 128 });
        (dimension.name.clone(), usual.min(of(&dimension.maximum).unwrap_or(usual)).max(of(&dimension.minimum).unwrap_or(1)))
    };
    plan.plan().dimensions.iter().map(size).collect()
}

pub(super) fn planned(plan: &CheckedPlan) -> Vec<Planned> {
    let (config, sizes) = (plan.default_config(), usual_sizes(plan));
    let head = |head: &super::model::Head| {
        // The check has built this graph already, with other sizes.
        let graph = plan.graph(&config, &head.name.value, &sizes, &Request::default()).ok()?;
        let program = optimize(&graph);
        Some(Planned {
            head: head.name.value.clone(),
            digest: format!("{:016x}", graph.digest()),
            dispatches: program.dispatches(),
            arena_bytes: program.arena_bytes(),
            weight_bytes: program.weight_bytes(),
        })
    };
    plan.plan().heads.iter().filter_map(head).collect()
}

//! The checked plan as `gen plan` prints it.

use std::collections::BTreeMap;

use ipfs_accelerate_runtime::{Graph, OperandDescriptor};
use serde::Serialize;

use super::{CheckedPlan, Planned, Request, Unsupported};
use crate::spec::{Literal, Platform};

/// What a model takes, gives and needs, on one platform.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Report {
    pub model: String,
    pub source: String,
    pub platform: String,
    pub inputs: Vec<Tensor>,
    pub heads: Vec<Head>,
    /// Each head's graph, optimized, with the sizes of `planned_sizes`.
    pub planned: Vec<Planned>,
    pub planned_sizes: BTreeMap<String, usize>,
    pub unsupported: Vec<Unsupported>,
}

/// One graph, with the default config and small sizes.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Head {
    pub name: String,
    pub pipeline: String,
    pub outputs: Vec<Tensor>,
    pub weights: Vec<Weight>,
    pub weight_bytes: usize,
    /// Sizes of the dimensions that the operators are counted for.
    pub sizes: BTreeMap<String, usize>,
    pub operators: BTreeMap<&'static str, usize>,
    pub nodes: usize,
}

/// An input or output.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Tensor {
    pub name: String,
    pub data_type: &'static str,
    pub shape: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
}

/// A tensor of the checkpoint.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Weight {
    pub name: String,
    pub data_type: &'static str,
    /// Sizes by config key where one is that size alone.
    pub shape: Vec<String>,
    /// Sizes with the default config.
    pub sizes: Vec<usize>,
}

pub(super) fn report(plan: &CheckedPlan, platform: &Platform) -> Report {
    let model = plan.plan();
    let texts = |shape: &[super::typed::Typed]| shape.iter().map(|size| size.text.clone()).collect();
    let inputs = model
        .inputs
        .iter()
        .map(|input| Tensor {
            name: input.name.clone(),
            data_type: input.data_type.name(),
            shape: texts(&input.shape),
            default: input.default.as_ref().map(|default| default.to_string()),
            below: input.below.clone(),
            optional: false,
            count: None,
        })
        .collect();
    let heads = model
        .heads
        .iter()
        .filter_map(|head| {
            let sizes = plan.example_sizes();
            // The check has built this graph already.
            let graph = plan.graph(&plan.default_config(), &head.name.value, &sizes, &Request::default()).ok()?;
            let mut operators = BTreeMap::new();
            for node in graph.nodes() {
                *operators.entry(node.operator.name).or_default() += 1;
            }
            let outputs = head
                .outputs
                .iter()
                .map(|output| Tensor {
                    name: output.name.value.clone(),
                    data_type: output.data_type.name(),
                    shape: texts(&output.shape),
                    default: None,
                    below: None,
                    optional: output.optional,
                    count: output.count.as_ref().map(|count| count.text.clone()),
                })
                .collect();
            Some(Head {
                name: head.name.value.clone(),
                pipeline: head.pipeline.clone(),
                outputs,
                weights: weights(plan, &head.name.value, &graph),
                weight_bytes: graph.weight_bytes(),
                sizes,
                nodes: graph.nodes().len(),
                operators,
            })
        })
        .collect();
    Report {
        model: plan.family().to_owned(),
        source: model.spec.source.clone(),
        platform: platform.name.value.clone(),
        inputs,
        heads,
        planned: plan.planned().to_vec(),
        planned_sizes: plan.usual_sizes(),
        unsupported: plan.unsupported(platform),
    }
}

fn weights(plan: &CheckedPlan, head: &str, graph: &Graph) -> Vec<Weight> {
    // In the second config every size is another number, so that a number tells its key.
    let odd = plan.symbols.config.as_ref();
    let symbols: BTreeMap<usize, &str> = odd
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| match value {
            Literal::Int(number) => Some((usize::try_from(*number).ok()?, name.as_str())),
            _ => None,
        })
        .collect();
    let odd_shapes: BTreeMap<String, OperandDescriptor> = odd
        .and_then(|odd| plan.graph(odd, head, &super::prove::sizes(plan.plan(), odd, 0), &Request::default()).ok())
        .map(|graph| graph.weights().iter().map(|(name, id)| (name.clone(), graph.descriptor(*id).clone())).collect())
        .unwrap_or_default();
    graph
        .weights()
        .iter()
        .map(|(name, id)| {
            let descriptor = graph.descriptor(*id);
            // Layers beyond the second config's look like its first.
            let layer_0: String =
                name.split('.').map(|word| if word.parse::<usize>().is_ok() { "0" } else { word }).collect::<Vec<_>>().join(".");
            let odd = odd_shapes.get(name).or_else(|| odd_shapes.get(&layer_0));
            let shape = descriptor.shape.iter().enumerate().map(|(axis, size)| {
                let symbol = odd.and_then(|odd| odd.shape.get(axis)).and_then(|odd| symbols.get(odd));
                symbol.map_or_else(|| size.to_string(), |&symbol| symbol.to_owned())
            });
            Weight { name: name.clone(), data_type: descriptor.data_type.name(), shape: shape.collect(), sizes: descriptor.shape.clone() }
        })
        .collect()
}

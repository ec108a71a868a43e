//! Spec -> [`CheckedPlan`]: names resolved, every graph built with sizes of several kinds. What was not checked cannot be emitted.

mod calls;
mod interpret;
mod library;
pub mod model;
mod number;
mod planned;
mod prove;
pub mod report;
mod resolve;
mod scope;
mod steps;
pub mod support;
pub mod typed;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use ipfs_accelerate_runtime::{Graph, GraphBuilder, GraphError};

use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::sources::Sources;
use crate::spec::{self, Platform};

pub use calls::FUNCTIONS;
pub use interpret::{Config, Sizes};
pub use library::Library;
pub use model::Plan;
pub use number::lowest;
pub use planned::Planned;
pub use report::Report;
pub use support::Unsupported;

/// Blocks and platforms, read once for all models.
#[derive(Debug)]
pub struct Facts {
    /// All blocks.
    pub library: Arc<Library>,
    /// All platforms, in the order in which they are tried.
    pub platforms: Vec<Platform>,
}

impl Facts {
    /// Reads all blocks and platforms; what is wrong with them is reported.
    pub fn load(sources: &Sources, diagnostics: &mut Diagnostics) -> Self {
        let blocks = spec::blocks(sources, diagnostics);
        let library = Arc::new(Library::new(&blocks, diagnostics));
        Self { library, platforms: spec::platforms(sources, diagnostics) }
    }
}

/// Which outputs a graph makes beside the plain ones.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// List outputs to make.
    pub lists: BTreeSet<String>,
    /// Optional outputs to leave out.
    pub omitted: BTreeSet<String>,
}

/// A plan that every check has passed. Only [`CheckedPlan::new`] makes one.
#[derive(Debug)]
pub struct CheckedPlan {
    plan: Plan,
    symbols: prove::Symbols,
    planned: OnceLock<Vec<Planned>>,
    uses: OnceLock<BTreeSet<support::Use>>,
}

impl CheckedPlan {
    /// Reads a model's spec, resolves it, and builds each of its graphs: with the default config and two sizes of every
    /// dimension, with a second config of odd sizes, and once for every text and truth value that the config decides by.
    ///
    /// Platforms do not enter here: ask [`CheckedPlan::unsupported`].
    pub fn new(family: &str, sources: &Sources, facts: &Facts, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut own = Diagnostics::default();
        let checked = Self::check(family, sources, facts, &mut own).filter(|_| own.is_empty());
        diagnostics.extend(own);
        checked
    }

    fn check(family: &str, sources: &Sources, facts: &Facts, diagnostics: &mut Diagnostics) -> Option<Self> {
        let spec = spec::model(family, sources, diagnostics)?;
        let plan = Plan::new(spec, Arc::clone(&facts.library), diagnostics)?;
        let symbols = prove::prove(&plan, diagnostics)?;
        Some(Self { plan, symbols, planned: OnceLock::new(), uses: OnceLock::new() })
    }

    /// The resolved model.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Name of the family.
    pub fn family(&self) -> &str {
        &self.plan.spec.family.value
    }

    /// The config of defaults.
    pub fn default_config(&self) -> Config {
        self.plan.spec.config.iter().map(|key| (key.name.value.clone(), key.default.clone())).collect()
    }

    /// Small odd sizes for every dimension, within the default config's bounds.
    pub fn example_sizes(&self) -> Sizes {
        prove::sizes(&self.plan, &self.default_config(), 0)
    }

    /// The graph of one head, as the generated module builds it.
    ///
    /// **Errors** the first rule that the config and the sizes break; a head that is not there.
    pub fn graph(&self, config: &Config, head: &str, sizes: &Sizes, request: &Request) -> Result<Graph, GraphError> {
        let Some(head) = self.plan.heads.iter().find(|known| known.name.value == head) else {
            let supported = self.plan.heads.iter().map(|head| head.name.value.clone()).collect();
            return Err(GraphError::UnsupportedValue { key: "head".into(), value: head.to_owned(), supported });
        };
        let builder = GraphBuilder::new();
        let outcome = interpret::Machine::new(&self.plan, &builder, config, sizes).run(head);
        if let Some(fault) = outcome.faults.into_iter().next() {
            return Err(fault.error);
        }
        for (output, made) in head.outputs.iter().zip(&outcome.outputs) {
            let name = &output.name.value;
            match made.tensors.as_deref() {
                Some(tensors) if output.count.is_some() && request.lists.contains(name) => {
                    for (index, tensor) in tensors.iter().enumerate() {
                        builder.output(&format!("{name}.{index}"), tensor)?;
                    }
                }
                Some([tensor]) if output.count.is_none() && !(output.optional && request.omitted.contains(name)) => {
                    builder.output(name, tensor)?
                }
                _ => {}
            }
        }
        for (state, made) in head.writes.iter().zip(&outcome.states) {
            for (index, tensor) in made.tensors.iter().flatten().enumerate() {
                builder.output(&format!("{state}.{index}"), tensor)?;
            }
        }
        builder.build()
    }

    /// Every operator and type of the model's graphs that the platform lacks, each once.
    pub fn unsupported(&self, platform: &Platform) -> Vec<Unsupported> {
        support::unsupported(self.uses.get_or_init(|| support::uses(self)), platform)
    }

    /// Reports what the platform lacks, for generating code for it.
    pub fn check_platform(&self, platform: &Platform, diagnostics: &mut Diagnostics) {
        for missing in self.unsupported(platform) {
            let span = self.symbols.operator_spans.get(missing.operator.as_str()).cloned();
            let message = format!("`{}` is unsupported on {}: {}", missing.operator, platform.name.value, missing.reason);
            let help = "`gen plan` lists what each platform lacks; leave the platform out of `--platform`".to_owned();
            diagnostics.add(Code::Unsupported, span, message, help);
        }
    }

    /// Sizes as a user would have them: one item, 128 of all else, within the default config's bounds.
    pub fn usual_sizes(&self) -> Sizes {
        planned::usual_sizes(self)
    }

    /// What each head's graph comes to once optimized, with the default config and [`CheckedPlan::usual_sizes`].
    pub fn planned(&self) -> &[Planned] {
        self.planned.get_or_init(|| planned::planned(self))
    }

    /// What `gen plan` prints for a platform.
    pub fn report(&self, platform: &Platform) -> Report {
        report::report(self, platform)
    }

    /// Every file that the plan comes from: the model and what it extends, and the blocks it calls, sorted by name.
    pub fn files(&self) -> Vec<Arc<SourceText>> {
        let mut files = self.plan.spec.files.clone();
        files.extend(self.plan.blocks().into_iter().map(|block| Arc::clone(self.plan.library.file(block))));
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }
}

/// All models, checked; those that were refused are left out and reported.
pub fn all(sources: &Sources, facts: &Facts, diagnostics: &mut Diagnostics) -> Vec<CheckedPlan> {
    spec::models(sources).into_iter().filter_map(|family| CheckedPlan::new(family, sources, facts, diagnostics)).collect()
}

/// Reports an unknown model with a suggestion.
pub fn expect_model(family: &str, sources: &Sources, diagnostics: &mut Diagnostics) -> bool {
    let models = spec::models(sources);
    if models.contains(&family) {
        return true;
    }
    diagnostics.add(Code::UnknownModel, None, format!("there is no model `{family}`"), names::did_you_mean(family, models));
    false
}

#[cfg(test)]
mod tests;

//! A skillset behind a pointer: what the sdk's command needs to run a family by its name.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use crate::error::Result;
use crate::model::{LoadOptions, LoadReport, Model, OpenGraph, Run, States};
use crate::platform::Platform;
use crate::skill::{self, Dimension, Generation, HeadSpec, InputSpec, Sizes, Skill};
use crate::tensor::Tensor;
use crate::weights::Checkpoint;

/// A future of this thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// A loaded model of any family.
pub trait AnyModel {
    /// The graph in use.
    fn head(&self) -> &'static HeadSpec;
    /// The inputs it takes.
    fn inputs(&self) -> Vec<InputSpec>;
    /// Its symbolic sizes, each with the largest it may be.
    fn dimensions(&self) -> Vec<Dimension>;
    /// What was found out while loading.
    fn report(&self) -> &LoadReport;
    /// As [`Model::reload`].
    fn reload(&mut self) -> Pending<'_, ()>;
    /// How its outputs are made one token at a time; none where they are not.
    fn generation(&self) -> Option<Generation>;
    /// As [`Model::states`].
    fn states<'a>(&'a self, sizes: &'a Sizes) -> Pending<'a, States>;
    /// As [`Model::open_graph`].
    fn open_graph<'a>(&'a self, name: &'a str, sizes: &'a Sizes, states: &'a States) -> Pending<'a, OpenGraph>;
    /// As [`Model::run`].
    fn run<'a>(&'a mut self, inputs: &'a BTreeMap<String, Tensor>, lists: &'a [&'a str]) -> Pending<'a, Run>;
}

impl<S: Skill> AnyModel for Model<S> {
    fn head(&self) -> &'static HeadSpec {
        Model::head(self)
    }

    fn inputs(&self) -> Vec<InputSpec> {
        skill::inputs_of::<S>(self.config(), Model::head(self))
    }

    fn dimensions(&self) -> Vec<Dimension> {
        S::dimensions(self.config())
    }

    fn report(&self) -> &LoadReport {
        Model::report(self)
    }

    fn reload(&mut self) -> Pending<'_, ()> {
        Box::pin(Model::reload(self))
    }

    fn generation(&self) -> Option<Generation> {
        S::generation(self.config(), Model::head(self))
    }

    fn states<'a>(&'a self, sizes: &'a Sizes) -> Pending<'a, States> {
        Box::pin(Model::states(self, sizes))
    }

    fn open_graph<'a>(&'a self, name: &'a str, sizes: &'a Sizes, states: &'a States) -> Pending<'a, OpenGraph> {
        Box::pin(Model::open_graph(self, name, sizes, states))
    }

    fn run<'a>(&'a mut self, inputs: &'a BTreeMap<String, Tensor>, lists: &'a [&'a str]) -> Pending<'a, Run> {
        Box::pin(Model::run(self, inputs, lists))
    }
}

/// One family of a generated crate.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name of the family; `model_type` in config.json.
    pub family: &'static str,
    /// Other values of `model_type` that it computes too.
    pub model_types: &'static [&'static str],
    /// The platforms its module was generated for.
    pub platforms: &'static [Platform],
    /// Its graphs.
    pub heads: &'static [HeadSpec],
    /// As [`Model::load`].
    pub load: for<'a> fn(&'a Checkpoint, &'a LoadOptions) -> Pending<'a, Box<dyn AnyModel>>,
}

impl Entry {
    /// True where it computes models of this `model_type`.
    pub fn serves(&self, model_type: &str) -> bool {
        self.family == model_type || self.model_types.contains(&model_type)
    }

    /// The entry of a skillset.
    pub const fn of<S: Skill>() -> Self {
        Self { family: S::FAMILY, model_types: S::MODEL_TYPES, platforms: S::PLATFORMS, heads: S::HEADS, load: load::<S> }
    }
}

fn load<'a, S: Skill>(checkpoint: &'a Checkpoint, options: &'a LoadOptions) -> Pending<'a, Box<dyn AnyModel>> {
    Box::pin(async move { Ok(Box::new(Model::<S>::load(checkpoint, options).await?) as Box<dyn AnyModel>) })
}

//! A place in the tree of weight names, as generated code walks it.

use super::WeightNames;
use crate::error::GraphError;
use crate::graph::{DataType, GraphBuilder, Operand, OperandDescriptor};

/// A prefix of weight paths, on the builder of the graph that uses them.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    builder: &'a GraphBuilder,
    names: &'a WeightNames,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The root of the checkpoint's names.
    pub fn root(builder: &'a GraphBuilder, names: &'a WeightNames) -> Self {
        Self { builder, names, prefix: String::new() }
    }

    /// The scope of the base model, where the checkpoint has a head around it.
    pub fn base(&self) -> Self {
        self.enter(self.names.base_model_prefix)
    }

    /// The scope below `path`; an empty path stays here.
    pub fn enter(&self, path: impl AsRef<str>) -> Self {
        Self { prefix: self.join(path.as_ref()), ..*self }
    }

    /// The whole prefix; for labels and messages.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The float32 tensor `path` of the checkpoint, of this shape.
    ///
    /// **Errors** [`GraphError::NameConflict`] where the tensor is used elsewhere in another shape.
    pub fn tensor(&self, path: &str, shape: &[usize]) -> Result<Operand, GraphError> {
        let name = self.join(path);
        self.builder.weight(&self.names.canonical(&name), OperandDescriptor::new(DataType::Float32, shape)?)
    }

    fn join(&self, path: &str) -> String {
        match (self.prefix.is_empty(), path.is_empty()) {
            (_, true) => self.prefix.clone(),
            (true, _) => path.to_owned(),
            _ => format!("{}.{path}", self.prefix),
        }
    }
}

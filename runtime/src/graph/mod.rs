//! The graph: what a model computes, in the W3C WebNN operator set, with every shape and type known.
//!
//! A [`GraphBuilder`] checks each call by the operator's rule, once; whoever gets a [`Graph`] may take it as valid.
//! Nothing here touches a device: the generator links this part alone.

mod builder;
mod call;
mod descriptor;
#[path = "graph.rs"]
mod graph_data;
mod operator;
mod resampling;

pub use builder::{GraphBuilder, Number, Operand};
pub(crate) use call::Descriptors;
pub use call::{Argument, Call};
pub use descriptor::{DataType, OperandDescriptor};
pub use graph_data::{Graph, Node, NodeId, Source, Value, ValueId};
pub(crate) use operator::operator;
pub use operator::{DefaultValue, IntoArgument, Kind, Operator, Parameter, Rule};

pub use crate::ops::{OPERATORS, operator_by_name};

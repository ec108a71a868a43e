//! From a graph to a [`Program`]: fused kernels in execution order and a memory plan. Pure; touches no device.
//!
//! The passes run in this order, each in its own file: `attention` and `lower` turn nodes into steps, `dead` drops what nothing reads,
//! `pointwise` and `epilogue` merge steps, `packing` makes one product of several that read one input, `memory` places the values.

mod attention;
mod constant;
mod dead;
mod draft;
mod epilogue;
mod expression;
mod fold;
mod function;
mod lower;
mod memory;
mod packing;
mod pointwise;
mod program;
mod view;

#[cfg(test)]
mod tests;

pub use constant::{PackedConstant, Part};
pub use expression::{Binary, Compare, Expression, Instruction, Operation, Register, Unary};
pub use program::{
    Attention, Buffer, BufferId, HeadsView, Kernel, LayerNormalization, Linear, Place, Pointwise, PointwiseInput, Program, ProgramValue,
    Step,
};

#[cfg(feature = "webgpu")]
pub(crate) use function::function;
#[cfg(feature = "webgpu")]
pub(crate) use view::broadcast;

use crate::graph::Graph;

/// Fuses and plans a graph. Equal graphs give equal programs.
///
/// Every value that a program's steps name has a [`Buffer`]; reshapes are values that share one and cost no step.
pub fn optimize(graph: &Graph) -> Program {
    let mut draft = lower::lower(graph);
    epilogue::add_biases(&mut draft);
    pointwise::fuse(&mut draft);
    epilogue::fuse(&mut draft);
    packing::merge_products(&mut draft);
    draft.finish(graph)
}

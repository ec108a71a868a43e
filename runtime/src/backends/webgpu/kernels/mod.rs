//! The kernels: one file per family, each from sizes to the text of a dispatch.

pub(super) mod attention;
pub(super) mod element;
pub(super) mod elementwise;
pub(super) mod expression;
pub(super) mod gemm;
pub(super) mod math;
pub(super) mod matmul;
mod matmul_text;
pub(super) mod movement;
pub(super) mod recurrent;
pub(super) mod reduce;
pub(super) mod rows;
pub(super) mod window;

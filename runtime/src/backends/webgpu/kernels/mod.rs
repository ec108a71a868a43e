//! What kernels share, and the fused kernels: from sizes to the text of a dispatch. What serves one operator alone is in its file in `ops`.

pub(super) mod attention;
pub(super) mod element;
pub(super) mod expression;
pub(super) mod math;
pub(super) mod matmul;
mod matmul_text;
pub(super) mod movement;
pub(super) mod product;
pub(crate) mod recurrent;
pub(super) mod rows;
pub(crate) mod window;

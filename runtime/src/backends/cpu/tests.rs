//! Fused programs against the reference.

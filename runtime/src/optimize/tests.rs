//! Every fusion: a graph that fuses, and a near miss that must not.

{{ header }}
//! {{ doc }}
//!
//! Follows {{ source }}. Heads, each a graph of its own:
//!
{% for head in heads %}//! - `{{ head.name }}` ({{ head.pipeline }}): {{ head.doc }}
{% endfor %}//!
//! Platforms, in the order they are tried: {{ platforms }}.

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]
// Numbers are the published implementation's, to the digit.
#![allow(clippy::approx_constant)]

{{ body }}

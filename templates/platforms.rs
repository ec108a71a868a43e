{{ header }}
//! {{ doc }}
//!
//! Follows {{ source }}. One module for each platform: {{ platforms }}.

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]
// Numbers are the published implementation's, to the digit.
#![allow(clippy::approx_constant)]

{% for module in modules %}/// {{ module.doc }}
pub mod {{ module.name }} {
{{ module.body }}}

{% endfor %}

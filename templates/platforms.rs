{{ header }}
//! {{ doc }}
//!
//! Follows {{ source }}. One module for each platform: {{ platforms }}.

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]

{% for module in modules %}/// {{ module.doc }}
pub mod {{ module.name }} {
{{ module.body }}}

{% endfor %}

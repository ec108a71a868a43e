{{ header }}
//! Tests of `{{ family }}` on `{{ platforms }}`, held to the outputs of {{ source }} (goldens/{{ family }}).
//!
//! A program of its own: its `[[test]]` in Cargo.toml says `harness = false`.

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]

{% for module in modules %}{{ module.body }}{% endfor %}

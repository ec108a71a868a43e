{{ header }}
//! Tests of `{{ family }}`, held to the outputs of {{ source }} (goldens/{{ family }}). One module for each platform: {{ platforms }}.
//!
//! A program of its own: its `[[test]]` in Cargo.toml says `harness = false`.

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]

fn main() -> std::process::ExitCode {
    ipfs_accelerate_runtime::testing::main(&[
{% for module in modules %}        ({{ module.name }}::PLATFORM, {{ module.name }}::GOLDENS, {{ module.name }}::TESTS),
{% endfor %}    ])
}

{% for module in modules %}/// On `{{ module.name }}`.
pub(crate) mod {{ module.name }} {
{{ module.body }}}

{% endfor %}

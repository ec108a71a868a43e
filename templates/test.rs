{{ header }}
//! Tests of `{{ family }}` on `{{ platform }}`, held to the outputs of {{ source }} (goldens/{{ family }}).

#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]

{{ imports }}
const PLATFORM: Platform = Platform::{{ variant }};
/// Largest distance from the published implementation's float32 outputs.
const TOLERANCE: f32 = {{ tolerance }};

/// The list, which a browser runs too.
pub(crate) const TESTS: &[Test<Skillset>] = tests![Skillset:
{% for name in names %}    {{ name }},
{% endfor %}];

fn main() -> ExitCode {
    ipfs_accelerate_runtime::testing::main(PLATFORM, concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/{{ family }}"), TESTS)
}

{% for test in tests %}{{ test }}
{% endfor %}

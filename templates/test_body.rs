{{ imports }}
pub(crate) const PLATFORM: Platform = Platform::{{ variant }};
pub(crate) const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/{{ family }}");
/// Largest distance from the published implementation's float32 outputs.
const TOLERANCE: f32 = {{ tolerance }};

/// The list, which a browser runs too.
pub(crate) const TESTS: &[Test<Skillset>] = tests![Skillset:
{% for name in names %}    {{ name }},
{% endfor %}];

{% if has_main %}fn main() -> std::process::ExitCode {
    ipfs_accelerate_runtime::testing::main(&[(PLATFORM, GOLDENS, TESTS)])
}

{% endif %}{% for test in tests %}{{ test }}
{% endfor %}

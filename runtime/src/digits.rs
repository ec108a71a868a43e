//! Floats as text, by the one printer that serde_json brings along: those of `core` would be three more, 6 kB of a module after gzip.

/// The shortest decimal that reads back as the same float64: `1.0`, `1e-12`, `-inf`, `NaN`.
pub(crate) fn digits(number: f64) -> String {
    zmij::Buffer::new().format(number).to_owned()
}

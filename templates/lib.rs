{{ header }}
//! Models as Rust modules, generated from model_specs.
//!
//! | family | heads | platforms |
//! |---|---|---|
{% for family in families %}//! | [`{{ family.name }}`] | {{ family.heads }} | {{ family.platforms }} |
{% endfor %}
#![forbid(unsafe_code)]
#![cfg_attr(rustfmt, rustfmt_skip)]

{% for family in families %}pub mod {{ family.name }};
{% endfor %}
use ipfs_accelerate_runtime::registry::Entry;

/// Every family of this crate, sorted by name.
pub const SKILLS: &[Entry] = &[
{% for family in families %}    Entry::of::<{{ family.name }}::Skillset>(),
{% endfor %}];

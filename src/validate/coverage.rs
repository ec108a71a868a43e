//! Every model of the specs has its skillset, and its tests on every platform.

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};
use crate::spec;

pub(super) fn check(subjects: &[Subject], context: &Context<'_>, findings: &mut Diagnostics) {
    let mut broken = Diagnostics::default();
    let platforms = spec::platforms(context.sources, &mut broken);
    let has = |verb: &str, model: &str, platform: Option<&str>| {
        subjects.iter().filter_map(|subject| subject.header.as_ref()).any(|header| {
            header.verb() == verb
                && header.option("--model").contains(&model)
                && platform.is_none_or(|platform| header.option("--platform").contains(&platform))
        })
    };
    for model in spec::models(context.sources) {
        if !has("skillset", model, None) {
            findings.add(Code::MissingFile, None, format!("expected a skillset of `{model}`, found none"), "run `gen all`".to_owned());
        }
        for platform in &platforms {
            let platform = platform.name.value.as_str();
            if !has("test", model, Some(platform)) {
                let message = format!("expected tests of `{model}` on `{platform}`, found none");
                findings.add(Code::MissingFile, None, message, "run `gen all`".to_owned());
            }
        }
    }
}

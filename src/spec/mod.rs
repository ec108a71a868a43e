//! YAML text -> typed specs with a place for everything. Says nothing of what names mean: that is the plan's work.

pub mod block;
pub mod browser;
pub mod expression;
mod extends;
mod fields;
pub mod json_schema;
pub mod model;
pub mod platform;
pub mod schema;
pub mod step;

use std::sync::Arc;

use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::names;
use crate::sources::Sources;
use crate::yaml::{self, Node};

pub use block::Block;
pub use browser::Browser;
pub use expression::Expression;
pub use extends::MODELS;
pub use fields::Spanned;
pub use model::{Literal, Model};
pub use platform::Platform;
pub use step::{Choice, Step};

/// Where blocks lie.
pub const BLOCKS: &str = "model_specs/blocks";
/// Where platforms lie.
pub const PLATFORMS: &str = "model_specs/platforms";

/// Where browsers lie.
pub const BROWSERS: &str = "model_specs/browsers";

/// Names of the models, sorted.
pub fn models(sources: &Sources) -> Vec<&str> {
    sources.specs(MODELS).map(|(name, _)| name).collect()
}

/// One model's spec, with all that it extends.
pub fn model(family: &str, sources: &Sources, diagnostics: &mut Diagnostics) -> Option<Model> {
    let (node, files) = extends::load(family, sources, diagnostics)?;
    checked(diagnostics, |diagnostics| {
        model::MODEL.check(&node, diagnostics);
        let model = Model::read(&node, files, diagnostics)?;
        same_name(family, &model.family, diagnostics);
        Some(model)
    })
}

/// All blocks, sorted by name.
pub fn blocks(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Block> {
    all(sources, BLOCKS, &block::BLOCK, diagnostics, |stem, node, file, diagnostics| {
        let block = Block::read(node, file, diagnostics)?;
        same_name(stem, &block.name, diagnostics);
        Some(block)
    })
}

/// All browsers, sorted by name.
pub fn browsers(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Browser> {
    all(sources, BROWSERS, &browser::BROWSER, diagnostics, |stem, node, file, diagnostics| {
        let browser = Browser::read(node, file, diagnostics)?;
        same_name(stem, &browser.name, diagnostics);
        Some(browser)
    })
}

/// All platforms, in the order in which they are tried.
pub fn platforms(sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Platform> {
    let mut platforms = all(sources, PLATFORMS, &platform::PLATFORM, diagnostics, |stem, node, file, diagnostics| {
        let platform = Platform::read(node, file, diagnostics)?;
        same_name(stem, &platform.name, diagnostics);
        Some(platform)
    });
    platforms.sort_by(|a: &Platform, b| (a.fallback, &a.name.value).cmp(&(b.fallback, &b.name.value)));
    platforms
}

/// The platform of this name.
pub fn platform<'a>(name: &str, platforms: &'a [Platform], diagnostics: &mut Diagnostics) -> Option<&'a Platform> {
    let found = platforms.iter().find(|platform| platform.name.value == name);
    if found.is_none() {
        let help = names::did_you_mean(name, platforms.iter().map(|platform| platform.name.value.as_str()));
        diagnostics.add(Code::UnknownPlatform, None, format!("there is no platform `{name}`"), help);
    }
    found
}

fn all<T>(
    sources: &Sources,
    folder: &str,
    record: &schema::Record,
    diagnostics: &mut Diagnostics,
    read: impl Fn(&str, &Node, Arc<SourceText>, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    let mut specs = Vec::new();
    for (stem, file) in sources.specs(folder) {
        specs.extend(checked(diagnostics, |diagnostics| {
            let node = yaml::parse(file, diagnostics)?;
            record.check(&node, diagnostics);
            read(stem, &node, Arc::clone(file), diagnostics)
        }));
    }
    specs
}

/// What `read` gives, if it had nothing to complain of.
fn checked<T>(diagnostics: &mut Diagnostics, read: impl FnOnce(&mut Diagnostics) -> Option<T>) -> Option<T> {
    let mut own = Diagnostics::default();
    let spec = read(&mut own).filter(|_| own.is_empty());
    diagnostics.extend(own);
    spec
}

fn same_name(stem: &str, stated: &Spanned<String>, diagnostics: &mut Diagnostics) {
    if stem != stated.value {
        let message = format!("expected `{stem}`, the file's name, found `{}`", stated.value);
        diagnostics.add(Code::FileName, stated.span.clone(), message, "rename the one or the other".to_owned());
    }
}

//! What the runtime has: operators from its table, modules and names from its source, where that is at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ipfs_accelerate_runtime::graph::{OPERATORS, Parameter};
use proc_macro2::{TokenStream, TokenTree};
use syn::{Item, UseTree, Visibility};
use walkdir::WalkDir;

use crate::sources::Sources;

/// The crate's name in paths.
pub(super) const CRATE: &str = "ipfs_accelerate_runtime";
/// The builder's methods that are no operators, with the number of their arguments; a test holds them to the source.
const METHODS: &[(&str, usize)] = &[
    ("build", 0),
    ("call", 2),
    ("call_by_name", 3),
    ("constant", 2),
    ("input", 2),
    ("output", 2),
    ("range", 1),
    ("scalar", 2),
    ("scope", 2),
    ("weight", 2),
];

/// What the runtime has.
pub(super) struct RuntimeApi {
    /// Methods of the builder, with the number of their arguments.
    pub(super) methods: BTreeMap<String, usize>,
    /// Structs of options, with their fields.
    pub(super) options: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Names in each module, by its path; empty where the source is not at hand.
    modules: BTreeMap<String, Names>,
}

#[derive(Default)]
struct Names {
    public: BTreeSet<String>,
    glob: bool,
}

impl RuntimeApi {
    pub(super) fn of(sources: &Sources) -> Self {
        let mut api = Self { methods: BTreeMap::new(), options: BTreeMap::new(), modules: BTreeMap::new() };
        api.methods.extend(METHODS.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        for operator in OPERATORS {
            let (required, options): (Vec<&Parameter>, Vec<_>) = operator.parameters.iter().partition(|parameter| parameter.is_required());
            api.methods.insert(operator.name.to_owned(), required.len() + usize::from(!operator.options.is_empty()));
            if !operator.options.is_empty() {
                api.options.entry(operator.options).or_default().extend(options.iter().map(|parameter| parameter.name));
            }
        }
        if let Some(root) = sources.root() {
            api.read(&root.join("runtime/src"));
        }
        // `operators!` makes this module; its names are those of the table.
        if api.modules.contains_key("ops") {
            let public = api.options.keys().map(|name| (*name).to_owned()).collect();
            api.modules.insert("ops::options".into(), Names { public, glob: false });
        }
        api
    }

    /// The first part of a path below the crate that is not there; none where the whole path is, or nothing is known.
    pub(super) fn missing<'a>(&self, path: &'a [String]) -> Option<&'a str> {
        let mut module = String::new();
        for name in path {
            let names = self.modules.get(&module)?;
            let below = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
            if self.modules.contains_key(&below) {
                module = below;
            } else if names.glob || names.public.contains(name) {
                return None;
            } else {
                return Some(name);
            }
        }
        None
    }

    fn read(&mut self, folder: &Path) {
        for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok) {
            let path = entry.path();
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let Some(file) = fs::read_to_string(path).ok().and_then(|text| syn::parse_file(&text).ok()) else { continue };
            let below = path.strip_prefix(folder).unwrap_or(path).with_extension("");
            let mut parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            if matches!(parts.last().map(String::as_str), Some("lib" | "mod")) {
                parts.pop();
            }
            self.module(&parts.join("::"), &file.items);
        }
    }

    fn module(&mut self, path: &str, items: &[Item]) {
        let mut names = Names::default();
        for item in items {
            let (visibility, name) = match item {
                Item::Struct(item) => (&item.vis, &item.ident),
                Item::Enum(item) => (&item.vis, &item.ident),
                Item::Union(item) => (&item.vis, &item.ident),
                Item::Trait(item) => (&item.vis, &item.ident),
                Item::Type(item) => (&item.vis, &item.ident),
                Item::Const(item) => (&item.vis, &item.ident),
                Item::Static(item) => (&item.vis, &item.ident),
                Item::Fn(item) => (&item.vis, &item.sig.ident),
                Item::Mod(item) => {
                    if let Some((_, items)) = &item.content {
                        let below = if path.is_empty() { item.ident.to_string() } else { format!("{path}::{}", item.ident) };
                        self.module(&below, items);
                    }
                    (&item.vis, &item.ident)
                }
                Item::Use(item) => {
                    if is_public(&item.vis) {
                        imported(&item.tree, &mut names);
                    }
                    continue;
                }
                // `operator!` makes the options' struct and a static; `macro_rules!` exports at the root.
                Item::Macro(item) => {
                    match &item.ident {
                        Some(name) => {
                            self.modules.entry(String::new()).or_default().public.insert(name.to_string());
                        }
                        None => identifiers(item.mac.tokens.clone(), &mut names.public),
                    }
                    continue;
                }
                _ => continue,
            };
            if is_public(visibility) {
                names.public.insert(name.to_string());
            }
        }
        let known = self.modules.entry(path.to_owned()).or_default();
        known.public.extend(names.public);
        known.glob |= names.glob;
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn imported(tree: &UseTree, names: &mut Names) {
    match tree {
        UseTree::Path(path) => imported(&path.tree, names),
        UseTree::Name(name) => {
            names.public.insert(name.ident.to_string());
        }
        UseTree::Rename(rename) => {
            names.public.insert(rename.rename.to_string());
        }
        UseTree::Glob(_) => names.glob = true,
        UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, names)),
    }
}

fn identifiers(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                into.insert(name.to_string());
            }
            TokenTree::Group(group) => identifiers(group.stream(), into),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builders_methods_are_those_of_its_source() {
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/src/graph/builder.rs")).unwrap();
        let mut found = Vec::new();
        for item in syn::parse_file(&text).unwrap().items {
            let syn::Item::Impl(item) = item else { continue };
            if item.trait_.is_some() || !matches!(&*item.self_ty, syn::Type::Path(path) if path.path.is_ident("GraphBuilder")) {
                continue;
            }
            for part in item.items {
                if let syn::ImplItem::Fn(method) = part
                    && is_public(&method.vis)
                    && method.sig.receiver().is_some()
                {
                    found.push((method.sig.ident.to_string(), method.sig.inputs.len() - 1));
                }
            }
        }
        found.sort();
        let known: Vec<_> = METHODS.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(found, known);
    }
}

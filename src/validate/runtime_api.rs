//! What the runtime has: operators from its table, modules and names from its source, where that is at hand.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ipfs_accelerate_runtime::graph::{OPERATORS, Parameter};
use proc_macro2::{TokenStream, TokenTree};
use syn::{Item, UseTree, Visibility};
use walkdir::WalkDir;

use crate::sources::Sources;

/// The crate's name in paths.
pub(super) const CRATE: &str = "ipfs_accelerate_runtime";
/// The builder's methods that are no operators, with the number of their arguments; a test holds them to the source.
const METHODS: &[(&str, usize)] = &[
    ("bicubic", 2),
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
    source: Option<PathBuf>,
    /// Modules that were asked for, by their path; none where there is no such module.
    modules: RefCell<BTreeMap<String, Option<Names>>>,
}

#[derive(Clone, Default)]
struct Names {
    public: BTreeSet<String>,
    glob: bool,
}

impl RuntimeApi {
    pub(super) fn of(sources: &Sources) -> Self {
        let source = sources.root().map(|root| root.join("runtime/src")).filter(|source| source.join("lib.rs").is_file());
        let mut api = Self { methods: BTreeMap::new(), options: BTreeMap::new(), source, modules: RefCell::default() };
        api.methods.extend(METHODS.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        for operator in OPERATORS {
            let (required, options): (Vec<&Parameter>, Vec<_>) = operator.parameters.iter().partition(|parameter| parameter.is_required());
            api.methods.insert(operator.name.to_owned(), required.len() + usize::from(!operator.options.is_empty()));
            if !operator.options.is_empty() {
                api.options.entry(operator.options).or_default().extend(options.iter().map(|parameter| parameter.name));
            }
        }
        // `operators!` makes this module; its names are those of the table.
        let public = api.options.keys().map(|name| (*name).to_owned()).collect();
        api.modules.borrow_mut().insert("ops::options".into(), Some(Names { public, glob: false }));
        api
    }

    /// The first part of a path below the crate that is not there; none where the whole path is, or the source is not at hand.
    pub(super) fn missing<'a>(&self, path: &'a [String]) -> Option<&'a str> {
        let source = self.source.as_deref()?;
        let mut module = String::new();
        for name in path {
            let below = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
            let here = self.names(&module, source)?;
            if self.names(&below, source).is_some() {
                module = below;
            } else if here.glob || here.public.contains(name) || (module.is_empty() && exports_macro(source, name)) {
                return None;
            } else {
                return Some(name);
            }
        }
        None
    }

    /// The names of a module, if there is such a module.
    fn names(&self, path: &str, source: &Path) -> Option<Names> {
        if let Some(known) = self.modules.borrow().get(path) {
            return known.clone();
        }
        let stem = path.replace("::", "/");
        let places = if path.is_empty() { vec!["lib.rs".into()] } else { vec![format!("{stem}.rs"), format!("{stem}/mod.rs")] };
        let file = places.iter().find_map(|place| syn::parse_file(&fs::read_to_string(source.join(place)).ok()?).ok());
        let names = file.map(|file| self.read(path, &file.items));
        self.modules.borrow_mut().insert(path.to_owned(), names.clone());
        names
    }

    /// The names among a module's items; modules written within it are kept as well.
    fn read(&self, path: &str, items: &[Item]) -> Names {
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
                        let inner = self.read(&below, items);
                        self.modules.borrow_mut().insert(below, Some(inner));
                    }
                    (&item.vis, &item.ident)
                }
                Item::Use(item) => {
                    if is_public(&item.vis) {
                        imported(&item.tree, &mut names);
                    }
                    continue;
                }
                // `operator!` makes the options' struct and a static.
                Item::Macro(item) if item.ident.is_none() => {
                    identifiers(item.mac.tokens.clone(), &mut names.public);
                    continue;
                }
                _ => continue,
            };
            if is_public(visibility) {
                names.public.insert(name.to_string());
            }
        }
        names
    }
}

/// `#[macro_export]` puts a macro at the crate's root, wherever it is written.
fn exports_macro(source: &Path, name: &str) -> bool {
    let written = format!("macro_rules! {name} ");
    let rust = |entry: &walkdir::DirEntry| entry.path().extension().is_some_and(|ending| ending == "rs");
    WalkDir::new(source)
        .into_iter()
        .filter_map(Result::ok)
        .filter(rust)
        .any(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(&written)))
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

//! What the file uses of the runtime exists there: paths, operators with their arguments, options with their fields.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, ExprStruct, ItemUse, Member, Path, UseTree};

use super::runtime_api::{CRATE, RuntimeApi};
use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};
use crate::names;

pub(super) fn check(subject: &Subject, context: &Context<'_>, findings: &mut Diagnostics) {
    let Ok(file) = &subject.syntax else { return };
    Uses { subject, runtime: &context.runtime, findings }.visit_file(file);
}

struct Uses<'a> {
    subject: &'a Subject,
    runtime: &'a RuntimeApi,
    findings: &'a mut Diagnostics,
}

impl Uses<'_> {
    fn find(&mut self, tokens: &impl Spanned, message: String, help: Option<String>) {
        self.findings.add(Code::UnknownApi, self.subject.span(tokens.span()), message, help);
    }

    fn path(&mut self, path: &[String], place: &impl Spanned) {
        if let Some(name) = self.runtime.missing(path) {
            let message = format!("the runtime has no `{name}` in `{CRATE}::{}`", path.join("::"));
            self.find(place, message, None);
        }
    }

    fn tree(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(below) => {
                path.push(below.ident.to_string());
                self.tree(&below.tree, path);
                path.pop();
            }
            UseTree::Name(name) if name.ident == "self" => self.path(&path[1..], &name.ident),
            UseTree::Name(name) => self.leaf(&name.ident, path),
            UseTree::Rename(rename) => self.leaf(&rename.ident, path),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, path)),
            UseTree::Glob(_) => {}
        }
    }

    fn leaf(&mut self, name: &syn::Ident, path: &mut Vec<String>) {
        if path.first().is_some_and(|first| first == CRATE) {
            path.push(name.to_string());
            self.path(&path[1..], name);
            path.pop();
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.first().is_some_and(|first| first == CRATE) {
            self.path(&names[1..], path);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("builder")) {
            let name = call.method.to_string();
            match self.runtime.methods.get(&name) {
                Some(&expected) if expected != call.args.len() => {
                    let message = format!("`{name}` takes {expected} arguments, found {}", call.args.len());
                    self.find(&call.method, message, None);
                }
                None => {
                    let help = names::did_you_mean(&name, self.runtime.methods.keys().map(String::as_str));
                    self.find(&call.method, format!("the builder has no method `{name}`"), help);
                }
                Some(_) => {}
            }
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, literal: &'ast ExprStruct) {
        if let Some(name) = literal.path.segments.last().map(|segment| segment.ident.to_string())
            && let Some(known) = self.runtime.options.get(name.as_str())
        {
            let known: BTreeSet<&str> = known.clone();
            for field in &literal.fields {
                if let Member::Named(given) = &field.member
                    && !known.contains(given.to_string().as_str())
                {
                    let help = names::did_you_mean(&given.to_string(), known.iter().copied());
                    self.find(given, format!("`{name}` has no field `{given}`"), help);
                }
            }
        }
        visit::visit_expr_struct(self, literal);
    }
}

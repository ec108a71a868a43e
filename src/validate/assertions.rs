//! Every test asserts on a value that it computes, so that it can fail.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, ItemFn, Local, Macro, Pat, ReturnType, Token, Type};

use super::{Context, Subject};
use crate::diagnostics::{Code, Diagnostics};

const HELP: &str = "assert on what the test computes; `gen test` writes such tests";

pub(super) fn check(subject: &Subject, _: &Context<'_>, findings: &mut Diagnostics) {
    let Ok(file) = &subject.syntax else { return };
    let mut functions = BTreeMap::new();
    let mut listed = BTreeSet::new();
    collect(&file.items, &mut functions, &mut listed);
    let tests: Vec<&ItemFn> = functions.values().copied().filter(|function| is_test(function, &listed)).collect();
    if tests.is_empty() && subject.is_test() && !file.items.is_empty() {
        findings.add(Code::EmptyTest, subject.line(0), "expected tests, found none", HELP.to_owned());
    }
    // A test may leave its assertions to a function of the file.
    let mut asserting: BTreeSet<String> = BTreeSet::new();
    loop {
        let known = asserting.len();
        for (name, function) in &functions {
            if asserts(function, &asserting) {
                asserting.insert(name.clone());
            }
        }
        if asserting.len() == known {
            break;
        }
    }
    for test in tests {
        let name = test.sig.ident.to_string();
        if !asserting.contains(&name) {
            let message = format!("the test `{name}` asserts nothing that it computes");
            findings.add(Code::EmptyTest, subject.span(test.sig.ident.span()), message, HELP.to_owned());
        }
    }
}

fn collect<'a>(items: &'a [Item], functions: &mut BTreeMap<String, &'a ItemFn>, listed: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Fn(function) => {
                functions.insert(function.sig.ident.to_string(), function);
            }
            Item::Mod(module) => collect(module.content.as_ref().map_or(&[], |(_, items)| items), functions, listed),
            Item::Const(constant) if is_list_of_tests(&constant.ty) => {
                let mut names = Names(listed);
                names.visit_expr(&constant.expr);
            }
            _ => {}
        }
    }
}

fn is_list_of_tests(list: &Type) -> bool {
    let mut found = Found { name: "Test", found: false };
    found.visit_type(list);
    found.found
}

/// Functions with `#[test]`, functions in the list of tests, and async functions that give a `TestResult`.
fn is_test(function: &ItemFn, listed: &BTreeSet<String>) -> bool {
    let marked = function.attrs.iter().any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test"));
    let gives_result = matches!(&function.sig.output, ReturnType::Type(_, output) if matches!(&**output, Type::Path(path) if path.path.is_ident("TestResult")));
    let takes_context = function.sig.inputs.len() == 1 && function.sig.asyncness.is_some();
    marked || listed.contains(&function.sig.ident.to_string()) || (gives_result && takes_context)
}

fn asserts(function: &ItemFn, asserting: &BTreeSet<String>) -> bool {
    let mut body = Body { computed: BTreeSet::new(), asserting, found: false };
    for input in &function.sig.inputs {
        if let syn::FnArg::Typed(input) = input {
            body.bind(&input.pat, true);
        }
    }
    body.visit_block(&function.block);
    body.found
}

/// Walks a function in its order; knows which of its names hold computed values.
struct Body<'a> {
    computed: BTreeSet<String>,
    asserting: &'a BTreeSet<String>,
    found: bool,
}

impl Body<'_> {
    fn bind(&mut self, pattern: &Pat, computed: bool) {
        let mut names = BTreeSet::new();
        Bound(&mut names).visit_pat(pattern);
        for name in names {
            if computed {
                self.computed.insert(name);
            } else {
                self.computed.remove(&name);
            }
        }
    }

    fn is_computed(&self, value: &Expr) -> bool {
        let mut search = Computed { computed: &self.computed, found: false };
        search.visit_expr(value);
        search.found
    }

    fn any_computed<'e>(&self, values: impl IntoIterator<Item = &'e Expr>) -> bool {
        values.into_iter().any(|value| !is_message(value) && self.is_computed(value))
    }
}

/// `|| format!(…)` and `&format!(…)` say what failed; they are not what is compared.
fn is_message(value: &Expr) -> bool {
    match value {
        Expr::Closure(_) => true,
        Expr::Reference(inner) => is_message(&inner.expr),
        Expr::Macro(call) => call.mac.path.is_ident("format"),
        _ => false,
    }
}

fn is_assertion(name: &str) -> bool {
    ["assert", "expect", "check"].iter().any(|start| name.starts_with(start))
}

impl<'ast> Visit<'ast> for Body<'_> {
    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);
        let computed = local.init.as_ref().is_some_and(|init| self.is_computed(&init.expr));
        self.bind(&local.pat, computed);
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        let computed = self.is_computed(&each.expr);
        self.bind(&each.pat, computed);
        visit::visit_expr_for_loop(self, each);
    }

    fn visit_expr_let(&mut self, test: &'ast syn::ExprLet) {
        let computed = self.is_computed(&test.expr);
        self.bind(&test.pat, computed);
        visit::visit_expr_let(self, test);
    }

    fn visit_expr_match(&mut self, choice: &'ast syn::ExprMatch) {
        let computed = self.is_computed(&choice.expr);
        choice.arms.iter().for_each(|arm| self.bind(&arm.pat, computed));
        visit::visit_expr_match(self, choice);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        closure.inputs.iter().for_each(|input| self.bind(input, true));
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            let name = last.ident.to_string();
            self.found |= self.asserting.contains(&name) || (is_assertion(&name) && self.any_computed(&call.args));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        // `Result::expect("why")` is no assertion of the test's own.
        let of_result = name == "expect" && call.args.len() == 1 && matches!(call.args[0], Expr::Lit(_));
        self.found |= is_assertion(&name) && !of_result && self.any_computed(&call.args);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) else {
            self.found |= is_assertion(&name) && matches_computed(call.tokens.clone(), &self.computed);
            return;
        };
        let compared = if name.ends_with("_eq") || name.ends_with("_ne") { 2 } else { 1 };
        self.found |= is_assertion(&name) && self.any_computed(arguments.iter().take(compared));
        arguments.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_item(&mut self, _: &'ast Item) {}
}

/// `assert_matches!(value, pattern)`: the pattern is no expression.
fn matches_computed(tokens: TokenStream, computed: &BTreeSet<String>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => computed.contains(&name.to_string()),
        TokenTree::Group(group) => matches_computed(group.stream(), computed),
        _ => false,
    })
}

/// Whether an expression holds more than literals and what was bound to them.
struct Computed<'a> {
    computed: &'a BTreeSet<String>,
    found: bool,
}

impl<'ast> Visit<'ast> for Computed<'_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.found |= path.path.get_ident().is_some_and(|name| self.computed.contains(&name.to_string()));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        // `Some(1)` and `Tensor::from(…)` hold what they are given; a function of this or another file computes.
        let computes = match &*call.func {
            Expr::Path(path) => path.path.segments.last().is_some_and(|last| {
                let name = last.ident.to_string();
                name.starts_with(|first: char| first.is_ascii_lowercase()) && !matches!(name.as_str(), "from" | "new" | "default")
            }),
            _ => true,
        };
        self.found |= computes;
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {
        self.found = true;
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        if let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

/// Names that a pattern binds.
struct Bound<'a>(&'a mut BTreeSet<String>);

impl<'ast> Visit<'ast> for Bound<'_> {
    fn visit_pat_ident(&mut self, name: &'ast syn::PatIdent) {
        self.0.insert(name.ident.to_string());
        visit::visit_pat_ident(self, name);
    }
}

/// Names in an expression and in the macros it holds.
struct Names<'a>(&'a mut BTreeSet<String>);

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.0.insert(name.to_string());
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let mut waiting = vec![call.tokens.clone()];
        while let Some(tokens) = waiting.pop() {
            for token in tokens {
                match token {
                    TokenTree::Ident(name) => {
                        self.0.insert(name.to_string());
                    }
                    TokenTree::Group(group) => waiting.push(group.stream()),
                    _ => {}
                }
            }
        }
    }
}

struct Found {
    name: &'static str,
    found: bool,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.found |= name == self.name;
    }
}

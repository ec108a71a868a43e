//! Steps and choices as Rust: what the interpreter does to a graph, written down.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::print;
use super::value::Form;
use crate::plan::Plan;
use crate::plan::typed::{Kind, NameKind, Path, PathPart, Typed, TypedChoice, TypedNode, TypedStep};

/// How a function's `weights` are held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    Parameter,
    Variable,
}

/// The body of one function.
pub(super) struct Body<'a> {
    pub(super) plan: &'a Plan,
    /// Statements so far, one list for each open brace.
    statements: Vec<Vec<TokenStream>>,
    pub(super) taken: BTreeSet<String>,
    assigned: BTreeSet<String>,
    pub(super) weights: Weights,
    /// In a head of the base model itself `base:` is where it stands already.
    pub(super) at_base: bool,
    pub(super) options: BTreeSet<&'static str>,
    /// Arithmetic was tried before and cannot fail.
    pub(super) tried: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(plan: &'a Plan, at_base: bool) -> Self {
        Self {
            plan,
            statements: vec![Vec::new()],
            taken: BTreeSet::new(),
            assigned: BTreeSet::new(),
            weights: Weights::Parameter,
            at_base,
            options: BTreeSet::new(),
            tried: false,
        }
    }

    /// For arithmetic of a config that was read: what it comes to, with no way to fail.
    pub(super) fn tried(plan: &'a Plan) -> Self {
        Self { tried: true, ..Self::new(plan, false) }
    }

    /// The statements written so far.
    pub(super) fn finish(&mut self) -> TokenStream {
        let statements = std::mem::take(&mut self.statements[0]);
        quote!(#(#statements)*)
    }

    /// Names that generated variables must not take.
    pub(super) fn take(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// A function of the module, past a variable of its name.
    pub(super) fn function(&self, name: &str) -> TokenStream {
        let function = format_ident!("{name}");
        if self.taken.contains(name) { quote!(self::#function) } else { quote!(#function) }
    }

    pub(super) fn push(&mut self, statement: TokenStream) {
        if let Some(open) = self.statements.last_mut() {
            open.push(statement);
        }
    }

    pub(super) fn steps(&mut self, steps: &[TypedStep]) {
        for (index, step) in steps.iter().enumerate() {
            match step {
                TypedStep::Bind { name, value } => {
                    let variable = format_ident!("{name}");
                    self.take(name);
                    let value = self.choice(value);
                    let statement = if self.assigned.contains(name) {
                        quote!(#variable = #value;)
                    } else if is_carried(name, &steps[index + 1..]) {
                        quote!(let mut #variable = #value;)
                    } else {
                        quote!(let #variable = #value;)
                    };
                    self.push(statement);
                }
                TypedStep::Collect { list, value } => {
                    let list = if self.plan.is_state(list) { next_state(list) } else { format_ident!("{list}") };
                    let value = self.value(value);
                    let value = value.owned();
                    self.push(quote!(#list.push(#value);));
                }
                TypedStep::Repeat { counter, count, prefix, steps, carried } => {
                    self.repeat(counter, count, prefix.as_ref(), steps, carried);
                }
            }
        }
    }

    fn repeat(&mut self, counter: &str, count: &Typed, prefix: Option<&Path>, steps: &[TypedStep], carried: &[(String, NameKind)]) {
        let count = self.number(count);
        let before = self.assigned.clone();
        for (name, outer) in carried {
            if *outer == NameKind::Base {
                let variable = format_ident!("{name}");
                let part = self.part(name);
                self.push(quote!(let mut #variable = #part.#variable.clone();));
            }
            self.assigned.insert(name.clone());
        }
        let outside = self.weights;
        let enter = prefix.map(|prefix| self.enter(prefix));
        if enter.is_some() {
            self.weights = Weights::Variable;
        }
        self.statements.push(Vec::new());
        self.steps(steps);
        let inner = self.statements.pop().unwrap_or_default();
        self.weights = outside;
        self.assigned = before;
        let inner = quote!(#(#inner)*);
        let enter = enter.filter(|_| print::mentions(&inner, "weights"));
        let in_prefix = enter.is_some()
            && prefix.is_some_and(|prefix| prefix.parts.iter().any(|part| matches!(part, PathPart::Number(_, name) if name == counter)));
        let counter = if in_prefix || print::mentions(&inner, counter) { format_ident!("{counter}") } else { format_ident!("_{counter}") };
        let enter = enter.map(|enter| quote!(let weights = #enter;));
        self.push(quote! {
            for #counter in 0..#count {
                #enter
                #inner
            }
        });
    }

    /// The variable of the part of the base model that binds a name.
    pub(super) fn part(&self, name: &str) -> proc_macro2::Ident {
        self.plan.part_of(name).map_or_else(|| format_ident!("base"), |part| format_ident!("{}", part.name))
    }

    /// A choice as an expression that owns its value.
    fn choice(&mut self, choice: &TypedChoice) -> TokenStream {
        self.chosen(choice, false)
    }

    /// A choice as the `Result` that ends a function.
    pub(super) fn result(&mut self, choice: &TypedChoice) -> TokenStream {
        self.chosen(choice, true)
    }

    fn chosen(&mut self, choice: &TypedChoice, ends: bool) -> TokenStream {
        match choice {
            TypedChoice::Expression(typed) => {
                let code = self.value(typed);
                match (ends, code.form) {
                    (false, _) if typed.kind.is_number() || typed.kind == Kind::Bool => code.tokens,
                    (false, _) => code.owned(),
                    // Nothing reads the variable any more.
                    (true, Form::Place) if matches!(typed.node, TypedNode::Name(NameKind::Local, _)) => {
                        let variable = code.tokens;
                        quote!(Ok(#variable))
                    }
                    (true, _) => code.result.clone().unwrap_or_else(|| {
                        let value = code.owned();
                        quote!(Ok(#value))
                    }),
                }
            }
            TypedChoice::When { condition, then, otherwise } => {
                let condition = self.flag(condition);
                let (then, otherwise) = (self.branch(then, ends), self.branch(otherwise, ends));
                quote!(if #condition { #then } else { #otherwise })
            }
            TypedChoice::Match { subject, cases } => {
                let key = &subject.text;
                let subject = self.text(subject);
                let arms: Vec<_> = cases
                    .iter()
                    .map(|(texts, choice)| {
                        let branch = self.branch(choice, ends);
                        quote!(#(#texts)|* => { #branch })
                    })
                    .collect();
                let texts = cases.iter().flat_map(|(texts, _)| texts);
                let unsupported = self.function("unsupported_value");
                let other = quote!(Err(#unsupported(#key, other, &[#(#texts),*])));
                let other = if ends { other } else { quote!(return #other) };
                quote! {
                    match #subject {
                        #(#arms)*
                        other => #other,
                    }
                }
            }
        }
    }

    fn branch(&mut self, choice: &TypedChoice, ends: bool) -> TokenStream {
        self.statements.push(Vec::new());
        let value = self.chosen(choice, ends);
        let statements = self.statements.pop().unwrap_or_default();
        quote!(#(#statements)* #value)
    }
}

/// The variable that collects a state.
pub(super) fn next_state(name: &str) -> proc_macro2::Ident {
    format_ident!("next_{name}")
}

/// True where a repeat among these steps carries the name, before a step binds it anew.
fn is_carried(name: &str, steps: &[TypedStep]) -> bool {
    for step in steps {
        match step {
            TypedStep::Bind { name: bound, .. } if bound == name => return false,
            TypedStep::Repeat { carried, .. } if carried.iter().any(|(known, _)| known == name) => return true,
            _ => {}
        }
    }
    false
}

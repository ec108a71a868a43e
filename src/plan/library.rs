//! Blocks: put in the order of their calls, each resolved once for all models.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipfs_accelerate_runtime::graph::operator_by_name;

use super::calls::FUNCTIONS;
use super::resolve::Resolver;
use super::scope::{Scope, Weights};
use super::typed::{Kind, NameKind, TypedBlock, TypedNode, TypedParameter, walk_steps};
use crate::diagnostics::{Code, Diagnostics, SourceText};
use crate::spec::expression::{Expression, ExpressionKind};
use crate::spec::{Block, Choice, Step};

/// Blocks that call one another in a row.
const MAX_NESTING: usize = 32;

/// All blocks, each after those it calls.
#[derive(Debug, Default)]
pub struct Library {
    blocks: Vec<(TypedBlock, Arc<SourceText>)>,
    /// None for a block that was refused: its calls are no further news.
    index: BTreeMap<String, Option<usize>>,
}

impl Library {
    /// Resolves all blocks.
    pub fn new(specs: &[Block], diagnostics: &mut Diagnostics) -> Self {
        let mut library = Self::default();
        for spec in specs {
            let name = &spec.name.value;
            library.index.insert(name.clone(), None);
            if operator_by_name(name).is_some() || FUNCTIONS.iter().any(|(function, ..)| function == name) {
                let message = format!("`{name}` is an operator or a function of the language");
                diagnostics.add(Code::NameTaken, spec.name.span.clone(), message, "choose another name for the block".to_owned());
            }
        }
        let mut state = vec![State::New; specs.len()];
        for index in 0..specs.len() {
            library.visit(index, specs, &mut state, &mut Vec::new(), diagnostics);
        }
        library
    }

    /// The block of this name: `Some(None)` where it is there but was refused.
    pub(super) fn find(&self, name: &str) -> Option<Option<usize>> {
        self.index.get(name).copied()
    }

    /// Names of all blocks, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(String::as_str)
    }

    /// All blocks that were not refused, each after those it calls.
    pub fn blocks(&self) -> impl Iterator<Item = &TypedBlock> {
        self.blocks.iter().map(|(block, _)| block)
    }

    /// One block.
    pub fn block(&self, index: usize) -> &TypedBlock {
        &self.blocks[index].0
    }

    /// The file of a block.
    pub fn file(&self, index: usize) -> &Arc<SourceText> {
        &self.blocks[index].1
    }

    /// Indices of the blocks that these expressions' blocks call in turn, in order, each once.
    pub(super) fn closure(&self, roots: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut reached = std::collections::BTreeSet::new();
        let mut stack: Vec<usize> = roots.into_iter().collect();
        while let Some(index) = stack.pop() {
            if reached.insert(index) {
                let block = self.block(index);
                let mut visit = |typed: &super::typed::Typed| {
                    if let TypedNode::Block(callee, _) = typed.node {
                        stack.push(callee);
                    }
                };
                walk_steps(&block.steps, &mut visit);
                block.returns.expressions().into_iter().for_each(|typed| typed.walk(&mut visit));
            }
        }
        reached.into_iter().collect()
    }

    fn visit(&mut self, index: usize, specs: &[Block], state: &mut [State], path: &mut Vec<usize>, diagnostics: &mut Diagnostics) {
        if state[index] != State::New {
            return;
        }
        state[index] = State::Open;
        path.push(index);
        let mut calls = Vec::new();
        calls_of_steps(&specs[index].steps, &mut calls);
        calls_of_choice(&specs[index].returns, &mut calls);
        let mut cyclic = false;
        for call in calls {
            let Some(callee) = specs.iter().position(|spec| spec.name.value == call.0) else { continue };
            if state[callee] == State::Open {
                let start = path.iter().position(|&open| open == callee).unwrap_or(0);
                let names: Vec<_> = path[start..].iter().chain([&callee]).map(|&index| specs[index].name.value.as_str()).collect();
                diagnostics.add(Code::BlockCycle, call.1, format!("blocks go round: {}", names.join(" → ")), None);
                cyclic = true;
            } else if path.len() >= MAX_NESTING {
                diagnostics.add(Code::TooLarge, call.1, format!("at most {MAX_NESTING} blocks that call one another in a row"), None);
                cyclic = true;
                continue;
            }
            self.visit(callee, specs, state, path, diagnostics);
        }
        path.pop();
        state[index] = State::Done;
        if !cyclic && let Some(block) = self.resolve(&specs[index], diagnostics) {
            self.index.insert(block.name.clone(), Some(self.blocks.len()));
            self.blocks.push((block, Arc::clone(&specs[index].file)));
        }
    }

    fn resolve(&self, spec: &Block, diagnostics: &mut Diagnostics) -> Option<TypedBlock> {
        let mut own = Diagnostics::default();
        let block = self.resolve_into(spec, &mut own).filter(|_| own.is_empty());
        diagnostics.extend(own);
        block
    }

    fn resolve_into(&self, spec: &Block, diagnostics: &mut Diagnostics) -> Option<TypedBlock> {
        let mut fixed = BTreeMap::new();
        let mut parameters = Vec::new();
        let mut prefix = None;
        for parameter in &spec.parameters {
            let kind = kind(&parameter.kind);
            let mut constants = Resolver::new(self, Scope::new(BTreeMap::new(), Weights::None), diagnostics);
            let default = match (&parameter.default, kind) {
                (Some(default), Some(kind)) => constants.of_kind(default, kind),
                (Some(default), None) => {
                    diagnostics.add(Code::WrongPrefix, default.span.clone(), "a prefix has no default", None);
                    None
                }
                (None, _) => None,
            };
            match kind {
                Some(kind) => {
                    fixed.insert(parameter.name.value.clone(), (NameKind::Parameter, Some(kind)));
                }
                None if prefix.is_some() => {
                    diagnostics.add(Code::WrongPrefix, parameter.name.span.clone(), "a block has one prefix at most", None);
                }
                None => prefix = Some(parameter.name.value.clone()),
            }
            parameters.push(TypedParameter { name: parameter.name.value.clone(), kind, default, doc: parameter.doc.clone() });
        }
        let weights = if prefix.is_some() { Weights::Allowed } else { Weights::None };
        let mut scope = Scope::new(fixed, weights);
        scope.prefix_parameter = prefix;
        let mut resolver = Resolver::new(self, scope, diagnostics);
        let steps = resolver.steps(&spec.steps);
        let returns = resolver.choice(&spec.returns);
        // A refused expression reads nothing.
        if !resolver.diagnostics.is_empty() || resolver.refused || returns.is_none() {
            return None;
        }
        resolver.scope.report_unused(resolver.diagnostics);
        let scope = resolver.scope;
        for parameter in spec.parameters.iter().filter(|parameter| parameter.kind != "prefix") {
            let name = &parameter.name;
            if !scope.is_read(&name.value) && !name.value.starts_with('_') {
                diagnostics.add(Code::UnusedDeclaration, name.span.clone(), format!("nothing reads the parameter `{}`", name.value), None);
            }
        }
        Some(TypedBlock { name: spec.name.value.clone(), doc: spec.doc.clone(), parameters, steps, returns: returns? })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// The kind of a parameter type; none for a prefix.
fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "tensor" => Kind::Tensor,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "bool" => Kind::Bool,
        "text" => Kind::Text,
        "ints" => Kind::Ints,
        _ => return None,
    })
}

type Calls<'a> = Vec<(&'a str, crate::diagnostics::Span)>;

fn calls_of_steps<'a>(steps: &'a [Step], calls: &mut Calls<'a>) {
    for step in steps {
        match step {
            Step::Bind { value, .. } => calls_of_choice(value, calls),
            Step::Collect { value, .. } => calls_of(value, calls),
            Step::Repeat { count, steps, .. } => {
                calls_of(count, calls);
                calls_of_steps(steps, calls);
            }
        }
    }
}

fn calls_of_choice<'a>(choice: &'a Choice, calls: &mut Calls<'a>) {
    match choice {
        Choice::Expression(expression) => calls_of(expression, calls),
        Choice::When { condition, then, otherwise } => {
            calls_of(condition, calls);
            calls_of_choice(then, calls);
            calls_of_choice(otherwise, calls);
        }
        Choice::Match { subject, cases } => {
            calls_of(subject, calls);
            cases.iter().for_each(|(_, choice)| calls_of_choice(choice, calls));
        }
    }
}

fn calls_of<'a>(expression: &'a Expression, calls: &mut Calls<'a>) {
    match &expression.kind {
        ExpressionKind::Call(call) => {
            calls.push((&call.function, call.function_span.clone()));
            call.positional.iter().chain(call.named.iter().map(|named| &named.value)).for_each(|each| calls_of(each, calls));
        }
        ExpressionKind::List(list) => list.iter().for_each(|each| calls_of(each, calls)),
        ExpressionKind::Unary(_, one) => calls_of(one, calls),
        ExpressionKind::Binary(_, a, b) | ExpressionKind::Index(a, b) => {
            calls_of(a, calls);
            calls_of(b, calls);
        }
        _ => {}
    }
}

//! The check: builds every graph of a model with sizes of several kinds, so that a shape that fits by accident shows.

use std::collections::{BTreeMap, BTreeSet};

use ipfs_accelerate_runtime::{GraphBuilder, GraphError};

use super::interpret::{self, Config, Fault, Machine, Outcome, Sizes};
use super::model::{Head, Plan};
use super::typed::{NameKind, Typed, TypedNode, TypedStep, walk_steps};
use crate::diagnostics::{Code, Diagnostics, Span};
use crate::spec::Literal;

/// Sizes that no arithmetic of a model makes from one another by accident.
const PRIMES: [usize; 40] = [
    11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149,
    151, 157, 163, 167, 173, 179, 181, 191, 193,
];

/// What the check learnt for reports.
#[derive(Debug)]
pub(super) struct Symbols {
    /// A config in which every size is another number, if the model allows one.
    pub(super) config: Option<Config>,
    /// Where an operator is called first.
    pub(super) operator_spans: BTreeMap<&'static str, Span>,
}

/// Builds every graph of the model in every way. All faults are reported; none is given where there was one.
pub(super) fn prove(plan: &Plan, diagnostics: &mut Diagnostics) -> Option<Symbols> {
    let mut prover = Prover {
        plan,
        diagnostics: Diagnostics::default(),
        seen: BTreeSet::new(),
        matched: BTreeMap::new(),
        matched_in_head: BTreeSet::new(),
        exhausted: false,
    };
    let default: Config = plan.spec.config.iter().map(|key| (key.name.value.clone(), key.default.clone())).collect();
    prover.build_all(&default, 0, "the config's defaults");
    let odd = prover.diagnostics.is_empty().then(|| prover.odd_config(&default)).flatten();
    match &odd {
        Some(odd) => {
            for round in 0..2 {
                prover.build_all(odd, round, "a second config of odd sizes (`check:` gives those that must go together)");
            }
        }
        None => prover.build_all(&default, 1, "the config's defaults"),
    }
    let base = odd.as_ref().unwrap_or(&default);
    for (key, texts) in prover.matched.clone() {
        for text in texts {
            let with = Literal::Text(text.clone());
            let config = changed(base, &key, with);
            // What the base model decides, one head shows; what a head decides, that head.
            for (index, head) in plan.heads.iter().enumerate() {
                if index == 0 || prover.matched_in_head.contains(&(head.name.value.clone(), key.clone())) {
                    prover.build_head(head, &config, 0, &format!("`{key}` = `{text}`"));
                }
            }
        }
    }
    for key in plan.spec.config.iter().filter(|key| key.must_be.is_none()) {
        if let Literal::Bool(flag) = key.default {
            let name = &key.name.value;
            prover.build_all(&changed(base, name, Literal::Bool(!flag)), 0, &format!("`{name}` = {}", !flag));
        }
    }
    for changes in compared(plan, base) {
        // Numbers that go together are changed as the defaults allow, if the odd ones do not.
        let mut configs = changes.iter().flat_map(|(key, number)| [base, &default].map(|from| changed(from, key, Literal::Int(*number))));
        if let Some(config) = configs.find(|config| prover.divides(config)) {
            let names = changes.iter().filter_map(|(key, _)| match config.get(key) {
                Some(Literal::Int(number)) => Some(format!("`{key}` = {number}")),
                _ => None,
            });
            prover.build_all(&config, 0, &names.collect::<Vec<_>>().join(" and "));
        }
    }
    let fine = prover.diagnostics.is_empty();
    diagnostics.extend(prover.diagnostics);
    fine.then(|| Symbols { config: odd, operator_spans: operator_spans(plan) })
}

/// Sizes of every dimension for a round: primes within the config's bounds, each another.
pub(super) fn sizes(plan: &Plan, config: &Config, round: usize) -> Sizes {
    const ROUNDS: [[usize; 4]; 2] = [[2, 5, 3, 7], [3, 7, 5, 2]];
    let mut sizes = Sizes::new();
    for (index, dimension) in plan.dimensions.iter().enumerate() {
        let of = |size: &Option<Typed>| size.as_ref().and_then(|size| interpret::size(plan, config, size));
        let (minimum, maximum) = (of(&dimension.minimum).unwrap_or(1).max(1), of(&dimension.maximum));
        let prime = ROUNDS[round % 2].get(index).copied().unwrap_or(PRIMES[index % PRIMES.len()]);
        // A size that is mostly one and the same is that one, then a larger one.
        let size = match of(&dimension.usual) {
            Some(usual) if round == 0 => usual,
            Some(usual) => usual + minimum * (prime - 1) + prime,
            None => prime,
        };
        sizes.insert(dimension.name.clone(), size.min(maximum.unwrap_or(size)).max(minimum));
    }
    sizes
}

/// For each comparison of a config key with another or with a number, config changes that turn it: the first of each that can be built is.
fn compared(plan: &Plan, config: &Config) -> Vec<Vec<(String, i64)>> {
    let number = |name: &str| if let Some(Literal::Int(number)) = config.get(name) { Some(*number) } else { None };
    let mut all = BTreeSet::new();
    plan.walk(&mut |typed| {
        let TypedNode::Compare(_, a, b) = &typed.node else { return };
        match (&a.node, &b.node) {
            (TypedNode::Name(NameKind::Config, a), TypedNode::Name(NameKind::Config, b)) => {
                if let (Some(at), Some(bt)) = (number(a), number(b)) {
                    all.insert(vec![(a.clone(), bt), (b.clone(), at)]);
                }
            }
            (TypedNode::Name(NameKind::Config, key), TypedNode::Int(limit))
            | (TypedNode::Int(limit), TypedNode::Name(NameKind::Config, key)) => {
                all.extend(
                    [limit - 1, *limit, limit + 1].into_iter().filter(|number| *number >= 0).map(|number| vec![(key.clone(), number)]),
                );
            }
            _ => {}
        }
    });
    all.into_iter().collect()
}

fn changed(config: &Config, key: &str, value: Literal) -> Config {
    let mut config = config.clone();
    config.insert(key.to_owned(), value);
    config
}

struct Prover<'a> {
    plan: &'a Plan,
    diagnostics: Diagnostics,
    /// Places that have their diagnostic: the same step fails in every layer, head and round.
    seen: BTreeSet<(String, usize, usize)>,
    matched: BTreeMap<String, BTreeSet<String>>,
    /// Heads whose own steps choose by a config key.
    matched_in_head: BTreeSet<(String, String)>,
    /// A build took too much: no second one.
    exhausted: bool,
}

impl Prover<'_> {
    fn build_all(&mut self, config: &Config, round: usize, with: &str) {
        for head in &self.plan.heads {
            self.build_head(head, config, round, with);
        }
    }

    fn build_head(&mut self, head: &Head, config: &Config, round: usize, with: &str) {
        let plan = self.plan;
        if !self.exhausted {
            let sizes = sizes(plan, config, round);
            let outcome = build(plan, config, &sizes, head);
            self.exhausted = outcome.is_exhausted();
            self.matched_in_head.extend(outcome.matched_in_head.iter().map(|key| (head.name.value.clone(), key.clone())));
            for (key, texts) in &outcome.matched {
                self.matched.entry(key.clone()).or_default().extend(texts.iter().cloned());
            }
            let bound: Vec<_> = sizes.iter().map(|(name, size)| format!("`{name}` = {size}")).collect();
            let circumstances = format!("built with {with}{}{}", if bound.is_empty() { "" } else { ", " }, bound.join(", "));
            for fault in &outcome.faults {
                self.fault(fault, &circumstances);
            }
            self.outputs(head, &outcome, &circumstances);
            self.states(head, &outcome, &circumstances);
        }
    }

    /// True where every division of the config comes out.
    fn divides(&self, config: &Config) -> bool {
        let sizes = sizes(self.plan, config, 0);
        let whole = |fault: &Fault| !matches!(fault.error, GraphError::NotWhole { .. });
        self.plan.heads.iter().all(|head| build(self.plan, config, &sizes, head).faults.iter().all(whole))
    }

    fn fault(&mut self, fault: &Fault, circumstances: &str) {
        // The model's own line; the blocks' lines are told, from the inside out.
        let span = fault.calls.last().map_or(&fault.span, |(_, span)| span);
        if !self.seen.insert((span.source.name.clone(), span.start, span.end)) {
            return;
        }
        let mut message = fault.error.to_string();
        let mut inner = &fault.span;
        for (block, call) in &fault.calls {
            let (line, column) = inner.position();
            message = format!("{message}, in the block `{block}` ({}:{line}:{column})", inner.source.name);
            inner = call;
        }
        let code = match &fault.error {
            GraphError::NotWhole { .. } => Code::NotWhole,
            GraphError::NameConflict { .. } => Code::WeightConflict,
            GraphError::UnsupportedValue { .. } => Code::MissingCase,
            _ => Code::BrokenRule,
        };
        self.diagnostics.add(code, span.clone(), message, circumstances.to_owned());
    }

    fn outputs(&mut self, head: &Head, outcome: &Outcome, circumstances: &str) {
        for (output, made) in head.outputs.iter().zip(&outcome.outputs) {
            let (Some(tensors), Some(shape)) = (&made.tensors, &made.shape) else { continue };
            let span = &output.name.span;
            let mut wrong = Vec::new();
            if output.count.is_some() && made.count != Some(tensors.len()) {
                wrong.push(format!("expected {} tensors, found {}", made.count.unwrap_or(0), tensors.len()));
            }
            for tensor in tensors {
                if tensor.data_type() != output.data_type || tensor.shape() != shape.as_slice() {
                    wrong.push(format!("expected {}{shape:?}, found {}", output.data_type, tensor.descriptor()));
                    break;
                }
            }
            if !wrong.is_empty() && self.seen.insert((span.source.name.clone(), span.start, span.end)) {
                let message = format!("`{}` of `{}`: {}", output.name.value, head.name.value, wrong.join("; "));
                self.diagnostics.add(Code::WrongOutput, span.clone(), message, circumstances.to_owned());
            }
        }
    }

    fn states(&mut self, head: &Head, outcome: &Outcome, circumstances: &str) {
        let written = self.plan.states.iter().filter(|state| head.writes.contains(&state.name.value));
        for (state, made) in written.zip(&outcome.states) {
            let (Some(tensors), Some(shape), Some(count)) = (&made.tensors, &made.shape, made.count) else { continue };
            let other = tensors.iter().find(|tensor| tensor.data_type() != state.data_type || tensor.shape() != shape.as_slice());
            let wrong = match other {
                Some(tensor) => format!("expected {}{shape:?}, found {}", state.data_type, tensor.descriptor()),
                None if tensors.len() != count => format!("expected {count} tensors, found {}", tensors.len()),
                None => continue,
            };
            let span = &state.name.span;
            if self.seen.insert((span.source.name.clone(), span.start, span.end)) {
                let message = format!("the state `{}` of `{}`: {wrong}", state.name.value, head.name.value);
                self.diagnostics.add(Code::WrongOutput, span.clone(), message, circumstances.to_owned());
            }
        }
    }

    /// A config whose whole numbers are all different and small: primes, products of them where the model divides, 2
    /// where it repeats. None where the model does not allow one (`check:` in the spec can help).
    fn odd_config(&self, default: &Config) -> Option<Config> {
        let plan = self.plan;
        let counters = counters(plan);
        let mut primes = PRIMES.into_iter();
        let mut config = default.clone();
        let mut free = BTreeMap::new();
        for key in &plan.spec.config {
            let name = &key.name.value;
            if let Some((_, value)) = plan.spec.check.iter().find(|(known, _)| known.value == *name) {
                config.insert(name.clone(), value.value.clone());
            } else if let (Literal::Ints(numbers), None) = (&key.default, &key.must_be) {
                let numbers = numbers.iter().map(|_| primes.next().map(|prime| prime as i64)).collect::<Option<_>>()?;
                config.insert(name.clone(), Literal::Ints(numbers));
            } else if let (Literal::Int(_), None) = (&key.default, &key.must_be) {
                let number = if counters.contains(name) { 2 } else { primes.next()? as i64 };
                config.insert(name.clone(), Literal::Int(number));
                if number != 2 {
                    free.insert(name.clone(), number);
                }
            }
        }
        // Each division that does not come out multiplies its dividend; the numbers tell whose it is.
        for _ in 0..16 {
            let sizes = sizes(plan, &config, 0);
            let faults: Vec<Fault> = plan.heads.iter().flat_map(|head| build(plan, &config, &sizes, head).faults).collect();
            // None: a mistake of the spec, or numbers that must go together, as the defaults do.
            let Some((dividend, divisor)) = faults.iter().find_map(|fault| match fault.error {
                GraphError::NotWhole { dividend, divisor, .. } => Some((dividend, divisor)),
                _ => None,
            }) else {
                return Some(config);
            };
            let (name, _) = free.iter().find(|(_, number)| **number == dividend)?;
            let (name, number) = (name.clone(), dividend.checked_mul(divisor).filter(|number| (1..1 << 24).contains(number))?);
            free.insert(name.clone(), number);
            config.insert(name, Literal::Int(number));
        }
        None
    }
}

fn build(plan: &Plan, config: &Config, sizes: &Sizes, head: &Head) -> Outcome {
    let builder = GraphBuilder::new();
    Machine::new(plan, &builder, config, sizes).run(head)
}

/// Config keys that count the turns of a repeat.
fn counters(plan: &Plan) -> BTreeSet<String> {
    fn collect(steps: &[TypedStep], keys: &mut BTreeSet<String>) {
        for step in steps {
            if let TypedStep::Repeat { count, steps, .. } = step {
                count.walk(&mut |typed| {
                    if let TypedNode::Name(NameKind::Config, name) = &typed.node {
                        keys.insert(name.clone());
                    }
                });
                collect(steps, keys);
            }
        }
    }
    let mut keys = BTreeSet::new();
    plan.parts.iter().for_each(|part| collect(&part.steps, &mut keys));
    plan.heads.iter().for_each(|head| collect(&head.steps, &mut keys));
    keys
}

fn operator_spans(plan: &Plan) -> BTreeMap<&'static str, Span> {
    let mut spans = BTreeMap::new();
    let mut visit = |typed: &Typed| {
        if let TypedNode::Operator(operator, _) = &typed.node {
            spans.entry(operator.name).or_insert_with(|| typed.span.clone());
        }
    };
    plan.walk(&mut visit);
    for block in plan.blocks() {
        let block = plan.library.block(block);
        walk_steps(&block.steps, &mut visit);
        block.returns.expressions().into_iter().for_each(|typed| typed.walk(&mut visit));
    }
    spans
}

//! Builds graphs from a plan by walking it: what the generated module will do, done at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipfs_accelerate_runtime::graph::{self, Argument, Operator};
use ipfs_accelerate_runtime::rename::renamed;
use ipfs_accelerate_runtime::{DataType, GraphBuilder, GraphError, Operand, OperandDescriptor};

use super::model::{Head, Plan, State};
use super::number;
use super::typed::{BlockArgument, Kind, NameKind, Path, PathPart, Typed, TypedChoice, TypedNode, TypedStep};
use crate::diagnostics::Span;
use crate::spec::Literal;

/// Expressions that one build may evaluate: a spec of a real model takes some thousands, blocks that double each other none.
const MAX_EVALUATIONS: usize = 500_000;
/// Expressions and blocks within one another while building.
const MAX_DEPTH: usize = 256;
/// Tensors of a state: as many as the turns of a repeat.
const MAX_STATES: usize = 10_000;
/// Elements of a `range`.
const MAX_RANGE: usize = 1 << 24;

/// Values of config keys.
pub type Config = BTreeMap<String, Literal>;
/// Values of dimensions.
pub type Sizes = BTreeMap<String, usize>;

/// A value while a graph is built.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Tensor(Operand),
    Tensors(Vec<Operand>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A text, with the config key it comes from.
    Text(String, Option<String>),
    Ints(Vec<usize>),
}

/// Where building failed and why.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The innermost expression.
    pub(super) span: Span,
    /// Calls of blocks around it, the innermost first: the block, and the place of the call.
    pub(super) calls: Vec<(String, Span)>,
    pub(super) error: GraphError,
}

/// What stops an expression: news, or an earlier fault that is known already.
enum Stop {
    Fault(Box<Fault>),
    Known,
}

/// What a build showed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) faults: Vec<Fault>,
    /// Each output of the head.
    pub(super) outputs: Vec<Made>,
    /// Each state that the graph makes anew.
    pub(super) states: Vec<Made>,
    /// Config keys whose text chose a case, with the texts that have one.
    pub(super) matched: BTreeMap<String, BTreeSet<String>>,
    /// Those that did in the head's own steps.
    pub(super) matched_in_head: BTreeSet<String>,
    /// Expressions evaluated.
    evaluations: usize,
}

impl Outcome {
    /// True where the build was broken off because it took too much.
    pub(super) fn is_exhausted(&self) -> bool {
        self.evaluations > MAX_EVALUATIONS
    }
}

/// An output as it was stated and as it was made; none where its step failed.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tensors: Option<Vec<Operand>>,
    pub(super) shape: Option<Vec<usize>>,
    pub(super) count: Option<usize>,
}

/// A size that the config alone decides.
pub(super) fn size(plan: &Plan, config: &Config, typed: &Typed) -> Option<usize> {
    let (builder, sizes) = (GraphBuilder::new(), Sizes::new());
    Machine::new(plan, &builder, config, &sizes).settled_size(typed)
}

/// Locals of a model, head or block.
#[derive(Default)]
struct Frame {
    locals: HashMap<String, Option<Value>>,
    parameters: HashMap<String, Value>,
    prefix: String,
}

/// Builds one head's graph into `builder`; every output is computed, none is declared.
pub(super) struct Machine<'a> {
    pub(super) plan: &'a Plan,
    pub(super) builder: &'a GraphBuilder,
    pub(super) config: &'a Config,
    pub(super) sizes: &'a Sizes,
    ties: HashMap<String, String>,
    inputs: HashMap<String, Operand>,
    states: HashMap<String, Vec<Operand>>,
    base: HashMap<String, Option<Value>>,
    lists: HashMap<String, Vec<Operand>>,
    outcome: Outcome,
    depth: usize,
    in_head: bool,
}

impl<'a> Machine<'a> {
    pub(super) fn new(plan: &'a Plan, builder: &'a GraphBuilder, config: &'a Config, sizes: &'a Sizes) -> Self {
        let (ties, inputs, states, base, lists) = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
        Self { plan, builder, config, sizes, ties, inputs, states, base, lists, outcome: Outcome::default(), depth: 0, in_head: false }
    }

    /// Runs the base model's steps and the head's.
    pub(super) fn run(mut self, head: &'a Head) -> Outcome {
        let plan = self.plan;
        for tie in &plan.ties {
            let holds = match &tie.when {
                Some(when) => {
                    let value = self.value(when, &Frame::default());
                    matches!(self.note(value), Some(Value::Bool(true)))
                }
                None => true,
            };
            if holds {
                self.ties.insert(tie.name.clone(), tie.to.clone());
            }
        }
        for input in plan.inputs.iter().filter(|input| head.inputs.contains(&input.name)) {
            let shape: Option<Vec<usize>> = input.shape.iter().map(|size| self.settled_size(size)).collect();
            if let Some(shape) = shape {
                let descriptor = OperandDescriptor::new(input.data_type, shape);
                match descriptor.and_then(|descriptor| self.builder.input(&input.name, descriptor)) {
                    Ok(operand) => {
                        self.inputs.insert(input.name.clone(), operand);
                    }
                    Err(error) => {
                        let span = input.shape.first().map_or(&plan.spec.family.span, |size| &size.span).clone();
                        self.outcome.faults.push(Fault { span, calls: vec![], error });
                    }
                }
            }
        }
        for state in plan.states.iter().filter(|state| head.reads.contains(&state.name.value)) {
            let mut operands = Vec::new();
            let Some((descriptor, count)) = self.state(state) else { continue };
            for index in 0..count {
                match self.builder.input(&format!("{}.{index}", state.name.value), descriptor.clone()) {
                    Ok(operand) => operands.push(operand),
                    Err(error) => self.outcome.faults.push(Fault { span: state.name.span.clone(), calls: vec![], error }),
                }
            }
            self.states.insert(state.name.value.clone(), operands);
        }
        for &part in &head.parts {
            let mut frame = Frame { prefix: plan.spec.base_model_prefix.clone(), ..Frame::default() };
            self.steps(&plan.parts[part].steps, &mut frame);
            self.base.extend(frame.locals);
        }
        let prefix = if head.base { plan.spec.base_model_prefix.clone() } else { String::new() };
        self.in_head = true;
        let mut frame = Frame { prefix, ..Frame::default() };
        self.steps(&head.steps, &mut frame);
        for output in &head.outputs {
            let tensors = match (&output.count, output.from_kind) {
                (Some(_), _) => Some(self.lists.get(&output.from).cloned().unwrap_or_default()),
                (None, NameKind::Input) => self.inputs.get(&output.from).map(|operand| vec![operand.clone()]),
                (None, name_kind) => {
                    let found = if name_kind == NameKind::Base { self.base.get(&output.from) } else { frame.locals.get(&output.from) };
                    match found {
                        Some(Some(Value::Tensor(operand))) => Some(vec![operand.clone()]),
                        _ => None,
                    }
                }
            };
            let shape = output.shape.iter().map(|size| self.settled_size(size)).collect();
            let count = output.count.as_ref().and_then(|count| self.settled_size(count));
            self.outcome.outputs.push(Made { tensors, shape, count });
        }
        for state in plan.states.iter().filter(|state| head.writes.contains(&state.name.value)) {
            let tensors = self.lists.get(&state.name.value).cloned();
            let (shape, count) = self.state(state).map(|(descriptor, count)| (descriptor.shape, count)).unzip();
            self.outcome.states.push(Made { tensors, shape, count });
        }
        self.outcome
    }

    /// Type, shape and number of a state's tensors; a failure is noted.
    fn state(&mut self, state: &State) -> Option<(OperandDescriptor, usize)> {
        let shape: Option<Vec<usize>> = state.shape.iter().map(|size| self.settled_size(size)).collect();
        let (shape, count) = (shape?, self.settled_size(&state.count)?);
        if count > MAX_STATES {
            let error = GraphError::Rule { label: "state".into(), reason: format!("at most {MAX_STATES} tensors, found {count}") };
            self.outcome.faults.push(Fault { span: state.name.span.clone(), calls: vec![], error });
            return None;
        }
        match OperandDescriptor::new(state.data_type, shape) {
            Ok(descriptor) => Some((descriptor, count)),
            Err(error) => {
                self.outcome.faults.push(Fault { span: state.name.span.clone(), calls: vec![], error });
                None
            }
        }
    }

    /// A size that stands outside steps; a failure is noted.
    fn settled_size(&mut self, typed: &Typed) -> Option<usize> {
        let size = self.size(typed, &Frame::default());
        match size {
            Ok(size) => Some(size),
            Err(stop) => {
                self.note(Err(stop));
                None
            }
        }
    }

    fn note(&mut self, value: Result<Value, Stop>) -> Option<Value> {
        match value {
            Ok(value) => Some(value),
            Err(Stop::Known) => None,
            Err(Stop::Fault(fault)) => {
                self.outcome.faults.push(*fault);
                None
            }
        }
    }

    /// Steps of a model: a step that fails is noted, and what reads it is skipped in silence.
    fn steps(&mut self, steps: &'a [TypedStep], frame: &mut Frame) {
        for step in steps {
            if let Err(Stop::Fault(fault)) = self.step(step, frame, false) {
                self.outcome.faults.push(*fault);
            }
        }
    }

    fn step(&mut self, step: &'a TypedStep, frame: &mut Frame, in_block: bool) -> Result<(), Stop> {
        match step {
            TypedStep::Bind { name, value } => {
                let value = self.choice(value, frame);
                if in_block {
                    frame.locals.insert(name.clone(), Some(value?));
                } else {
                    let value = self.note(value);
                    frame.locals.insert(name.clone(), value);
                }
            }
            TypedStep::Collect { list, value } => {
                if let Value::Tensor(operand) = self.value(value, frame)? {
                    self.lists.entry(list.clone()).or_default().push(operand);
                }
            }
            TypedStep::Repeat { counter, count, prefix, steps, carried } => {
                let turns = self.int(count, frame)?;
                if turns > 10_000 {
                    let reason = format!("at most 10000 turns, found {turns}");
                    return Err(self.fault(count, GraphError::Rule { label: "repeat".into(), reason }));
                }
                for (name, outer) in carried {
                    if *outer == NameKind::Base {
                        let value = self.base.get(name).cloned().flatten();
                        frame.locals.insert(name.clone(), value);
                    }
                }
                let outside = frame.prefix.clone();
                for turn in 0..turns {
                    if self.outcome.is_exhausted() {
                        return Err(Stop::Known);
                    }
                    frame.locals.insert(counter.clone(), Some(Value::Int(turn)));
                    if let Some(prefix) = prefix {
                        frame.prefix = outside.clone();
                        frame.prefix = self.join(prefix, frame);
                    }
                    for step in steps {
                        let result = self.step(step, frame, in_block);
                        match (result, in_block) {
                            (Err(Stop::Fault(fault)), false) => self.outcome.faults.push(*fault),
                            (Err(stop), true) => return Err(stop),
                            _ => {}
                        }
                    }
                }
                frame.prefix = outside;
            }
        }
        Ok(())
    }

    fn choice(&mut self, choice: &'a TypedChoice, frame: &Frame) -> Result<Value, Stop> {
        match choice {
            TypedChoice::Expression(typed) => self.value(typed, frame),
            TypedChoice::When { condition, then, otherwise } => match self.value(condition, frame)? {
                Value::Bool(true) => self.choice(then, frame),
                _ => self.choice(otherwise, frame),
            },
            TypedChoice::Match { subject, cases } => {
                let Value::Text(text, key) = self.value(subject, frame)? else { return Err(Stop::Known) };
                let supported = || cases.iter().flat_map(|(texts, _)| texts.iter().cloned());
                if let Some(key) = &key {
                    if self.in_head {
                        self.outcome.matched_in_head.insert(key.clone());
                    }
                    self.outcome.matched.entry(key.clone()).or_default().extend(supported());
                }
                match cases.iter().find(|(texts, _)| texts.contains(&text)) {
                    Some((_, choice)) => self.choice(choice, frame),
                    None => {
                        let key = key.unwrap_or_else(|| subject.text.clone());
                        Err(self.fault(subject, GraphError::UnsupportedValue { key, value: text, supported: supported().collect() }))
                    }
                }
            }
        }
    }

    fn value(&mut self, typed: &Typed, frame: &Frame) -> Result<Value, Stop> {
        if self.outcome.is_exhausted() {
            return Err(Stop::Known);
        }
        self.outcome.evaluations += 1;
        self.depth += 1;
        let value = if self.outcome.is_exhausted() || self.depth > MAX_DEPTH {
            let reason = format!("more than {MAX_EVALUATIONS} expressions to evaluate, or {MAX_DEPTH} within one another");
            Err(self.fault(typed, GraphError::Rule { label: "build".into(), reason }))
        } else {
            self.evaluate(typed, frame)
        };
        self.depth -= 1;
        value
    }

    fn evaluate(&mut self, typed: &Typed, frame: &Frame) -> Result<Value, Stop> {
        Ok(match &typed.node {
            TypedNode::Int(number) => Value::Int(*number),
            TypedNode::Float(number) => Value::Float(*number),
            TypedNode::Bool(flag) => Value::Bool(*flag),
            TypedNode::Text(text) => Value::Text(text.clone(), None),
            TypedNode::List(list) if typed.kind == Kind::Ints => {
                Value::Ints(list.iter().map(|each| self.size(each, frame)).collect::<Result<_, _>>()?)
            }
            TypedNode::List(list) => Value::Tensors(list.iter().map(|each| self.tensor(each, frame)).collect::<Result<_, _>>()?),
            TypedNode::Name(name_kind, name) => self.name(*name_kind, name, frame)?,
            TypedNode::Index(list, at) => {
                let at = self.size(at, frame)?;
                let (value, count) = match self.value(list, frame)? {
                    Value::Tensors(operands) => (operands.get(at).cloned().map(Value::Tensor), operands.len()),
                    Value::Ints(numbers) => (numbers.get(at).map(|&number| Value::Int(number as i64)), numbers.len()),
                    _ => return Err(Stop::Known),
                };
                match value {
                    Some(value) => value,
                    None => {
                        let reason = format!("index {at} of {count}");
                        return Err(self.fault(typed, GraphError::Rule { label: typed.text.clone(), reason }));
                    }
                }
            }
            TypedNode::Operator(operator, arguments) => self.operator(typed, operator, arguments, frame)?,
            TypedNode::Block(index, arguments) => self.block(typed, *index, arguments, frame)?,
            TypedNode::Weight(path, sizes) => {
                let shape = sizes.iter().map(|size| self.size(size, frame)).collect::<Result<Vec<_>, _>>()?;
                let name = self.join(path, frame);
                let called = &self.plan.spec.weights.called;
                let name = called.iter().fold(name, |name, (ours, theirs)| renamed(&name, ours, theirs).unwrap_or(name));
                let name = self.ties.get(&name).cloned().unwrap_or(name);
                let weight = OperandDescriptor::new(DataType::Float32, shape).and_then(|descriptor| self.builder.weight(&name, descriptor));
                Value::Tensor(weight.map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Size(of, axis) => {
                let operand = self.tensor(of, frame)?;
                Value::Int(operand.size(*axis as isize).map_err(|error| self.fault(typed, error))? as i64)
            }
            TypedNode::Shape(of) => Value::Ints(self.tensor(of, frame)?.shape().to_vec()),
            TypedNode::LastAxis(of) => Value::Int(self.tensor(of, frame)?.shape().len().saturating_sub(1) as i64),
            TypedNode::Range(count) => {
                let count = self.size(count, frame)?;
                if count > MAX_RANGE {
                    let reason = format!("at most {MAX_RANGE} elements, found {count}");
                    return Err(self.fault(typed, GraphError::Rule { label: "range".into(), reason }));
                }
                Value::Tensor(self.builder.range(count).map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Scalar(number, data_type) => {
                let number = self.float(number, frame)?;
                Value::Tensor(self.builder.scalar(*data_type, number).map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Lowest(data_type) => Value::Float(number::lowest(*data_type)),
            TypedNode::FloorDivide(a, b) => {
                let (left, right) = (self.int(a, frame)?, self.int(b, frame)?);
                Value::Int(number::floor((&a.text, left), (&b.text, right)).map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Bicubic(from, to) => {
                let (from, to) = (self.ints(from, frame)?, self.ints(to, frame)?);
                Value::Tensor(self.builder.bicubic(&from, &to).map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Sqrt(of) => Value::Float(self.float(of, frame)?.sqrt()),
            TypedNode::Arithmetic(operator, a, b) if typed.kind == Kind::Int => {
                let (left, right) = (self.int(a, frame)?, self.int(b, frame)?);
                Value::Int(number::whole(*operator, (&a.text, left), (&b.text, right)).map_err(|error| self.fault(typed, error))?)
            }
            TypedNode::Arithmetic(operator, a, b) => Value::Float(number::float(*operator, self.float(a, frame)?, self.float(b, frame)?)),
            TypedNode::Compare(operator, a, b) => {
                let (a, b) = (self.value(a, frame)?, self.value(b, frame)?);
                Value::Bool(number::compare(*operator, &a, &b))
            }
            TypedNode::Logic(operator, a, b) => {
                let (a, b) = (self.flag(a, frame)?, self.flag(b, frame)?);
                Value::Bool(if *operator == crate::spec::expression::Binary::And { a && b } else { a || b })
            }
            TypedNode::Not(of) => Value::Bool(!self.flag(of, frame)?),
        })
    }

    fn name(&self, name_kind: NameKind, name: &str, frame: &Frame) -> Result<Value, Stop> {
        let value = match name_kind {
            NameKind::Local | NameKind::Counter => frame.locals.get(name).cloned().flatten(),
            NameKind::Base => self.base.get(name).cloned().flatten(),
            NameKind::Parameter => frame.parameters.get(name).cloned(),
            NameKind::State => self.states.get(name).cloned().map(Value::Tensors),
            NameKind::Input => self.inputs.get(name).cloned().map(Value::Tensor),
            NameKind::Dimension => self.sizes.get(name).map(|&size| Value::Int(size as i64)),
            NameKind::Config => self.config.get(name).map(|literal| match literal {
                Literal::Int(number) => Value::Int(*number),
                Literal::Float(number) => Value::Float(*number),
                Literal::Bool(flag) => Value::Bool(*flag),
                Literal::Text(text) => Value::Text(text.clone(), Some(name.to_owned())),
                Literal::Ints(numbers) => Value::Ints(numbers.iter().filter_map(|&number| usize::try_from(number).ok()).collect()),
            }),
        };
        value.ok_or(Stop::Known)
    }

    fn operator(&mut self, typed: &Typed, operator: &'static Operator, arguments: &[Option<Typed>], frame: &Frame) -> Result<Value, Stop> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(match argument {
                Some(argument) => Some(self.value(argument, frame)?),
                None => None,
            });
        }
        // A number in a tensor's place has the type of the other tensor.
        let data_type = values.iter().find_map(|value| match value {
            Some(Value::Tensor(operand)) => Some(operand.data_type()),
            _ => None,
        });
        let mut named = Vec::new();
        for ((parameter, value), argument) in operator.parameters.iter().zip(values).zip(arguments) {
            let (Some(value), Some(argument)) = (value, argument) else { continue };
            let number = match value {
                Value::Int(number) => Some(number as f64),
                Value::Float(number) => Some(number),
                _ => None,
            };
            let value = match (parameter.kind, number, data_type) {
                (graph::Kind::Operand, Some(number), Some(data_type)) => {
                    Argument::Operand(self.builder.scalar(data_type, number).map_err(|error| self.fault(argument, error))?)
                }
                (graph::Kind::Float, Some(number), _) => Argument::Float(number),
                _ => match value {
                    Value::Tensor(operand) => Argument::Operand(operand),
                    Value::Tensors(operands) => Argument::Operands(operands),
                    Value::Int(number) => Argument::Int(number::size(number).map_err(|error| self.fault(argument, error))?),
                    Value::Float(number) => Argument::Float(number),
                    Value::Bool(flag) => Argument::Bool(flag),
                    Value::Text(text, _) => Argument::Text(text),
                    Value::Ints(numbers) => Argument::Ints(numbers),
                },
            };
            named.push((parameter.name.to_owned(), value));
        }
        let outputs = operator.bind(vec![], named).and_then(|arguments| self.builder.call(operator, arguments));
        let mut outputs = outputs.map_err(|error| self.fault(typed, error))?;
        Ok(match typed.kind {
            Kind::Tensors => Value::Tensors(outputs),
            _ => Value::Tensor(outputs.swap_remove(0)),
        })
    }

    fn block(&mut self, typed: &Typed, index: usize, arguments: &[BlockArgument], frame: &Frame) -> Result<Value, Stop> {
        let plan = self.plan;
        let block = plan.library.block(index);
        let mut inner = Frame { prefix: frame.prefix.clone(), ..Frame::default() };
        for (parameter, argument) in block.parameters.iter().zip(arguments) {
            match argument {
                BlockArgument::Value(argument) => {
                    let value = match (parameter.kind, self.value(argument, frame)?) {
                        (Some(Kind::Float), Value::Int(number)) => Value::Float(number as f64),
                        (_, value) => value,
                    };
                    inner.parameters.insert(parameter.name.clone(), value);
                }
                BlockArgument::Path(path) => inner.prefix = self.join(path, frame),
            }
        }
        let mut run = || {
            for step in &block.steps {
                self.step(step, &mut inner, true)?;
            }
            self.choice(&block.returns, &inner)
        };
        run().map_err(|stop| match stop {
            Stop::Fault(mut fault) => {
                fault.calls.push((block.name.clone(), typed.span.clone()));
                Stop::Fault(fault)
            }
            Stop::Known => Stop::Known,
        })
    }

    fn join(&self, path: &Path, frame: &Frame) -> String {
        let mut name = if path.base { self.plan.spec.base_model_prefix.clone() } else { frame.prefix.clone() };
        let below: String = path
            .parts
            .iter()
            .map(|part| match part {
                PathPart::Text(text) => text.clone(),
                PathPart::Number(name_kind, name) => match self.name(*name_kind, name, frame) {
                    Ok(Value::Int(number)) => number.to_string(),
                    _ => String::new(),
                },
            })
            .collect();
        if !name.is_empty() && !below.is_empty() {
            name.push('.');
        }
        name + &below
    }

    fn fault(&self, typed: &Typed, error: GraphError) -> Stop {
        Stop::Fault(Box::new(Fault { span: typed.span.clone(), calls: vec![], error }))
    }

    fn tensor(&mut self, typed: &Typed, frame: &Frame) -> Result<Operand, Stop> {
        match self.value(typed, frame)? {
            Value::Tensor(operand) => Ok(operand),
            _ => Err(Stop::Known),
        }
    }

    fn int(&mut self, typed: &Typed, frame: &Frame) -> Result<i64, Stop> {
        match self.value(typed, frame)? {
            Value::Int(number) => Ok(number),
            _ => Err(Stop::Known),
        }
    }

    fn size(&mut self, typed: &Typed, frame: &Frame) -> Result<usize, Stop> {
        let number = self.int(typed, frame)?;
        number::size(number).map_err(|error| self.fault(typed, error))
    }

    fn ints(&mut self, typed: &Typed, frame: &Frame) -> Result<Vec<usize>, Stop> {
        match self.value(typed, frame)? {
            Value::Ints(numbers) => Ok(numbers),
            _ => Err(Stop::Known),
        }
    }

    fn float(&mut self, typed: &Typed, frame: &Frame) -> Result<f64, Stop> {
        match self.value(typed, frame)? {
            Value::Int(number) => Ok(number as f64),
            Value::Float(number) => Ok(number),
            _ => Err(Stop::Known),
        }
    }

    fn flag(&mut self, typed: &Typed, frame: &Frame) -> Result<bool, Stop> {
        match self.value(typed, frame)? {
            Value::Bool(flag) => Ok(flag),
            _ => Err(Stop::Known),
        }
    }
}

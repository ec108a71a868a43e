//! Specs with every name resolved and every kind known: what the interpreter builds graphs from and the emitter writes.

use std::fmt;

use ipfs_accelerate_runtime::DataType;
use ipfs_accelerate_runtime::graph::Operator;

use crate::diagnostics::Span;
use crate::spec::expression::Binary;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tensor of the graph.
    Tensor,
    /// Several.
    Tensors,
    /// A whole number, not negative.
    Int,
    /// A number.
    Float,
    /// true or false.
    Bool,
    /// A text.
    Text,
    /// Whole numbers.
    Ints,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Tensor => "a tensor",
            Kind::Tensors => "a list of tensors",
            Kind::Int => "a whole number",
            Kind::Float => "a number",
            Kind::Bool => "true or false",
            Kind::Text => "a text",
            Kind::Ints => "a list of whole numbers",
        })
    }
}

impl Kind {
    /// True for what arithmetic can mix with tensors.
    pub const fn is_number(self) -> bool {
        matches!(self, Kind::Int | Kind::Float)
    }
}

/// An expression whose meaning is known.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What it gives.
    pub kind: Kind,
    /// How.
    pub node: TypedNode,
    /// Where it stands.
    pub span: Span,
    /// As it is written.
    pub text: String,
}

/// How an expression gets its value.
#[derive(Clone, Debug)]
pub enum TypedNode {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list; the kind says of what.
    List(Vec<Typed>),
    /// A name.
    Name(NameKind, String),
    /// One of a list.
    Index(Box<Typed>, Box<Typed>),
    /// An operator, one argument per parameter; a number in a tensor's place is a scalar of the other operand's type.
    Operator(&'static Operator, Vec<Option<Typed>>),
    /// A block, one argument per parameter.
    Block(usize, Vec<BlockArgument>),
    /// A weight of this shape.
    Weight(Path, Vec<Typed>),
    /// One size of a tensor.
    Size(Box<Typed>, i64),
    /// All sizes of a tensor.
    Shape(Box<Typed>),
    /// Index of a tensor's last axis.
    LastAxis(Box<Typed>),
    /// 0, 1, … as a tensor.
    Range(Box<Typed>),
    /// A number as a tensor.
    Scalar(Box<Typed>, DataType),
    /// The lowest finite number of a type.
    Lowest(DataType),
    /// Whole quotient, what is left over left out.
    FloorDivide(Box<Typed>, Box<Typed>),
    /// The matrix that resamples a grid of one size to another.
    Bicubic(Box<Typed>, Box<Typed>),
    /// Square root of a number.
    Sqrt(Box<Typed>),
    /// Arithmetic of numbers.
    Arithmetic(Binary, Box<Typed>, Box<Typed>),
    /// Comparison of numbers, texts or truth values.
    Compare(Binary, Box<Typed>, Box<Typed>),
    /// `&&`, `||`
    Logic(Binary, Box<Typed>, Box<Typed>),
    /// `!`
    Not(Box<Typed>),
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A step.
    Local,
    /// A step of the base model, read by a head.
    Base,
    /// An input of the model.
    Input,
    /// Tensors that stay on the device.
    State,
    /// A parameter of the block.
    Parameter,
    /// The counter of a repeat.
    Counter,
    /// A key of the config.
    Config,
    /// A symbolic size.
    Dimension,
}

/// An argument of a block's call.
#[derive(Clone, Debug)]
pub enum BlockArgument {
    /// A value.
    Value(Typed),
    /// A weight path.
    Path(Path),
}

/// A weight path: texts and counters, joined.
#[derive(Clone, Debug)]
pub struct Path {
    /// True where it starts at the base model's prefix.
    pub base: bool,
    /// What it is made of.
    pub parts: Vec<PathPart>,
}

/// A part of a weight path.
#[derive(Clone, Debug)]
pub enum PathPart {
    /// As it is.
    Text(String),
    /// The value of a name.
    Number(NameKind, String),
}

/// A value, or a choice made when the graph is built.
#[derive(Clone, Debug)]
pub enum TypedChoice {
    /// No choice.
    Expression(Typed),
    /// By a truth value.
    When {
        /// Which branch.
        condition: Typed,
        /// If true.
        then: Box<TypedChoice>,
        /// If false.
        otherwise: Box<TypedChoice>,
    },
    /// By a text.
    Match {
        /// The text.
        subject: Typed,
        /// Texts and values.
        cases: Vec<(Vec<String>, TypedChoice)>,
    },
}

impl TypedChoice {
    /// What it gives.
    pub fn kind(&self) -> Kind {
        match self {
            TypedChoice::Expression(typed) => typed.kind,
            TypedChoice::When { then, .. } => then.kind(),
            TypedChoice::Match { cases, subject } => cases.first().map_or(subject.kind, |(_, choice)| choice.kind()),
        }
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Typed> {
        match self {
            TypedChoice::Expression(typed) => vec![typed],
            TypedChoice::When { condition, then, otherwise } => {
                let mut all = vec![condition];
                all.extend(then.expressions());
                all.extend(otherwise.expressions());
                all
            }
            TypedChoice::Match { subject, cases } => {
                let mut all = vec![subject];
                all.extend(cases.iter().flat_map(|(_, choice)| choice.expressions()));
                all
            }
        }
    }
}

/// A step whose meaning is known.
#[derive(Clone, Debug)]
pub enum TypedStep {
    /// Binds a name.
    Bind {
        /// The name.
        name: String,
        /// What it is bound to.
        value: TypedChoice,
    },
    /// Repeats steps.
    Repeat {
        /// Counts the turns.
        counter: String,
        /// How many.
        count: Typed,
        /// Weight paths nest under it.
        prefix: Option<Path>,
        /// What each turn does.
        steps: Vec<TypedStep>,
        /// Names from outside that a turn binds again, with what they were outside.
        carried: Vec<(String, NameKind)>,
    },
    /// Appends to a list output.
    Collect {
        /// The list.
        list: String,
        /// What.
        value: Typed,
    },
}

/// A block whose meaning is known.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct TypedBlock {
    pub name: String,
    pub doc: String,
    pub parameters: Vec<TypedParameter>,
    pub steps: Vec<TypedStep>,
    pub returns: TypedChoice,
}

impl TypedBlock {
    /// True where the block has weights.
    pub fn has_prefix(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.kind.is_none())
    }
}

/// A parameter of a block.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct TypedParameter {
    pub name: String,
    /// None for a weight prefix.
    pub kind: Option<Kind>,
    pub default: Option<Typed>,
    pub doc: Option<String>,
}

impl Typed {
    /// The expressions directly inside.
    pub fn children(&self) -> Vec<&Typed> {
        match &self.node {
            TypedNode::Int(_)
            | TypedNode::Float(_)
            | TypedNode::Bool(_)
            | TypedNode::Text(_)
            | TypedNode::Name(..)
            | TypedNode::Lowest(_) => vec![],
            TypedNode::List(list) | TypedNode::Weight(_, list) => list.iter().collect(),
            TypedNode::Operator(_, arguments) => arguments.iter().flatten().collect(),
            TypedNode::Block(_, arguments) => arguments
                .iter()
                .filter_map(|argument| match argument {
                    BlockArgument::Value(typed) => Some(typed),
                    BlockArgument::Path(_) => None,
                })
                .collect(),
            TypedNode::Size(one, _)
            | TypedNode::Shape(one)
            | TypedNode::LastAxis(one)
            | TypedNode::Range(one)
            | TypedNode::Scalar(one, _)
            | TypedNode::Sqrt(one)
            | TypedNode::Not(one) => vec![one],
            TypedNode::Index(a, b) | TypedNode::FloorDivide(a, b) | TypedNode::Bicubic(a, b) => vec![a, b],
            TypedNode::Arithmetic(_, a, b) | TypedNode::Compare(_, a, b) | TypedNode::Logic(_, a, b) => vec![a, b],
        }
    }

    /// Calls `visit` with this expression and all inside it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Typed)) {
        visit(self);
        self.children().into_iter().for_each(|child| child.walk(visit));
    }
}

/// Calls `visit` with every expression of the steps.
pub fn walk_steps<'a>(steps: &'a [TypedStep], visit: &mut impl FnMut(&'a Typed)) {
    for step in steps {
        match step {
            TypedStep::Bind { value, .. } => value.expressions().into_iter().for_each(|typed| typed.walk(visit)),
            TypedStep::Collect { value, .. } => value.walk(visit),
            TypedStep::Repeat { count, steps, .. } => {
                count.walk(visit);
                walk_steps(steps, visit);
            }
        }
    }
}

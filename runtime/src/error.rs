//! The runtime's errors: the caller is wrong (`GraphError`), or this build, machine or checkpoint cannot do it (`Error`).

use crate::graph::{DataType, OperandDescriptor};

/// A graph that breaks a rule of WebNN. The caller's mistake; the message names the operator's label.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// An operator refused its operands or options.
    #[error("`{label}`: {reason}")]
    Rule {
        /// The label given to the operator, else its name.
        label: String,
        /// What rule was broken, expected before found.
        reason: String,
    },
    /// A shape of more elements than an index can address.
    #[error("a tensor of shape {shape:?} has more than {} elements", OperandDescriptor::MAX_ELEMENTS)]
    TooLarge {
        /// The shape asked for.
        shape: Vec<usize>,
    },
    /// An operand of another builder.
    #[error("`{label}`: operand {operand} belongs to another builder")]
    ForeignOperand {
        /// The operator that got it.
        label: String,
        /// Its id in the other builder.
        operand: u32,
    },
    /// Two inputs, outputs or weights of one name that are not the same.
    #[error("the name `{name}` is used twice with different descriptors: {first} and {second}")]
    NameConflict {
        /// The name.
        name: String,
        /// Descriptor of the first.
        first: String,
        /// Descriptor of the second.
        second: String,
    },
    /// A graph without outputs.
    #[error("the graph has no outputs")]
    NoOutputs,
    /// A call by name: no such operator.
    #[error("there is no operator `{name}`")]
    UnknownOperator {
        /// The name asked for.
        name: String,
    },
    /// A call by name: an argument is unknown, missing, surplus or of another kind.
    #[error("`{operator}`: {reason}")]
    Argument {
        /// The operator.
        operator: &'static str,
        /// The parameter at fault, if it is a known one.
        parameter: String,
        /// Expected before found.
        reason: String,
    },
    /// Integer arithmetic of a config that has no whole result.
    #[error("`{dividend_name}` ({dividend}) is not a whole multiple of `{divisor_name}` ({divisor})")]
    NotWhole {
        /// Text of the dividend.
        dividend_name: String,
        /// Its value.
        dividend: i64,
        /// Text of the divisor.
        divisor_name: String,
        /// Its value.
        divisor: i64,
    },
    /// A config value that the model's spec has no case for.
    #[error("`{key}` is `{value}`; supported: {}", supported.join(", "))]
    UnsupportedValue {
        /// The config key.
        key: String,
        /// What the config says.
        value: String,
        /// The values that have a case.
        supported: Vec<String>,
    },
}

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The graph is wrong.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The platform cannot compute an operator in this type.
    #[error("`{operator}` is unsupported on {platform}: {reason}")]
    Unsupported {
        /// Operator, in snake_case.
        operator: String,
        /// Platform's name.
        platform: String,
        /// What is missing.
        reason: String,
    },
    /// The platform is not there at all.
    #[error("{platform} is unavailable: {reason}")]
    Unavailable {
        /// Platform's name.
        platform: String,
        /// What was looked for and what was found.
        reason: String,
    },
    /// An input that the model does not have.
    #[error("there is no input `{name}`; inputs: {}", known.join(", "))]
    UnknownInput {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A tensor was bound to an input or output that the graph does not have.
    #[error("there is no {kind} `{name}` to bind; there are: {}", known.join(", "))]
    UnknownBinding {
        /// `input` or `output`.
        kind: String,
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Two tensors were bound to one name, or two outputs to one tensor.
    #[error("the {kind} `{name}` is bound twice, or to a tensor that another {kind} is bound to")]
    BoundTwice {
        /// `input` or `output`.
        kind: String,
        /// The name given.
        name: String,
    },
    /// A tensor was bound to a graph of another device.
    #[error("`{name}` is bound to a tensor of another device; make it with the device that compiles the graph")]
    ForeignTensor {
        /// The input or output.
        name: String,
    },
    /// A required input was not given.
    #[error("the input `{name}` is missing; expected {expected}")]
    MissingInput {
        /// Its name.
        name: String,
        /// Its type and shape.
        expected: String,
    },
    /// An input of another type or shape.
    #[error("the input `{name}` must be {expected}, found {found}")]
    InputMismatch {
        /// Its name.
        name: String,
        /// Type and shape, symbolic sizes by name.
        expected: String,
        /// Descriptor given.
        found: String,
    },
    /// An input element outside its range.
    #[error("the input `{name}` holds {value} at {index:?}; it must be in {minimum}..{limit}")]
    InputOutOfRange {
        /// Its name.
        name: String,
        /// Position of the element.
        index: Vec<usize>,
        /// Its value.
        value: i64,
        /// Smallest value allowed.
        minimum: i64,
        /// First value not allowed.
        limit: i64,
    },
    /// A symbolic size outside what the model can take.
    #[error("`{dimension}` is {size}, but the model takes 1 to {limit} (`{limit_name}`)")]
    DimensionOutOfRange {
        /// The symbolic size.
        dimension: String,
        /// The size given.
        size: usize,
        /// The largest allowed.
        limit: usize,
        /// Config key that sets it.
        limit_name: String,
    },
    /// A symbolic size is below what the model takes.
    #[error("the size `{dimension}` is {size}; the model takes {minimum} or more")]
    DimensionTooSmall {
        /// The symbolic size.
        dimension: String,
        /// The size given.
        size: usize,
        /// The smallest allowed.
        minimum: usize,
    },
    /// The checkpoint does not fit the plan; every tensor at fault is listed.
    #[error("the checkpoint does not fit the model: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Checkpoint(Vec<WeightError>),
    /// A file of weights that cannot be read as such.
    #[error("{file}: {reason}")]
    WeightFile {
        /// Path as the caller gave it.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// config.json that this model cannot follow.
    #[error("config: {0}")]
    Config(String),
    /// No graph of the model bears this name.
    #[error("there is no head `{name}`; heads: {}", known.join(", "))]
    UnknownHead {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The device failed or was lost while it worked.
    #[error("{platform} device: {reason}")]
    Device {
        /// Platform's name.
        platform: String,
        /// What the driver said.
        reason: String,
    },
    /// The device is gone: its driver restarted, it was taken away, or the browser gave its memory to another page.
    #[error("the {platform} device was lost: {reason}; `reload` opens one anew and keeps the weights")]
    DeviceLost {
        /// Platform's name.
        platform: String,
        /// What the driver or the browser said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: String,
        /// The system's word.
        source: std::io::Error,
    },
}

/// One tensor of a checkpoint that does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// The checkpoint lacks it.
    #[error("`{name}` is missing (expected {expected}; looked for {})", tried.join(", "))]
    Missing {
        /// Name as the published implementation spells it.
        name: String,
        /// Type and shape the plan needs.
        expected: OperandDescriptor,
        /// Every spelling that was tried.
        tried: Vec<String>,
    },
    /// It is there in another shape.
    #[error("`{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Name in the checkpoint.
        name: String,
        /// Shape the plan needs.
        expected: Vec<usize>,
        /// Shape in the checkpoint.
        found: Vec<usize>,
    },
    /// It is there in a type that cannot be widened to the plan's.
    #[error("`{name}` is {found}, expected {expected} or a type that widens to it without loss")]
    Type {
        /// Name in the checkpoint.
        name: String,
        /// Type the plan needs.
        expected: DataType,
        /// Type in the checkpoint.
        found: String,
    },
}

/// The runtime's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

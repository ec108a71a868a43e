//! One call of an operator: its arguments, seen by rules and kernels through typed accessors.

use super::{DataType, Operand, OperandDescriptor, Operator, ValueId};

/// An argument of a call; operands by [`Operand`] while building, by [`ValueId`] in a [`super::Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum Argument<O = Operand> {
    /// An option that is not given and has no default value.
    None,
    /// A tensor.
    Operand(O),
    /// A list of tensors.
    Operands(Vec<O>),
    /// A whole number.
    Int(usize),
    /// Whole numbers.
    Ints(Vec<usize>),
    /// A number.
    Float(f64),
    /// Numbers.
    Floats(Vec<f64>),
    /// true or false.
    Bool(bool),
    /// An enum value of WebNN.
    Text(String),
    /// Enum values of WebNN.
    Texts(Vec<String>),
    /// A data type.
    DataType(DataType),
}

impl<O> Argument<O> {
    /// The tensors in this argument, in order.
    pub fn operands(&self) -> &[O] {
        match self {
            Argument::Operand(operand) => std::slice::from_ref(operand),
            Argument::Operands(operands) => operands,
            _ => &[],
        }
    }

    /// The same argument with its tensors replaced.
    pub fn map<P>(&self, mut map: impl FnMut(&O) -> P) -> Argument<P> {
        match self {
            Argument::None => Argument::None,
            Argument::Operand(operand) => Argument::Operand(map(operand)),
            Argument::Operands(operands) => Argument::Operands(operands.iter().map(map).collect()),
            Argument::Int(number) => Argument::Int(*number),
            Argument::Ints(numbers) => Argument::Ints(numbers.clone()),
            Argument::Float(number) => Argument::Float(*number),
            Argument::Floats(numbers) => Argument::Floats(numbers.clone()),
            Argument::Bool(flag) => Argument::Bool(*flag),
            Argument::Text(text) => Argument::Text(text.clone()),
            Argument::Texts(texts) => Argument::Texts(texts.clone()),
            Argument::DataType(data_type) => Argument::DataType(*data_type),
        }
    }
}

/// What a rule or kernel sees of a call. Accessors panic on a name or kind that the operator does not declare: a
/// mistake of the operator's file, met by its first test, never by user input.
pub struct Call<'a> {
    /// The operator.
    pub operator: &'static Operator,
    /// One per parameter, in the operator's order.
    pub arguments: &'a [Argument<ValueId>],
    /// Descriptors of all values, by id.
    pub(crate) values: &'a dyn Descriptors,
}

/// Where a call finds the descriptors of its operands.
pub(crate) trait Descriptors {
    fn descriptor(&self, value: ValueId) -> &OperandDescriptor;
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}{:?}", self.operator, self.arguments)
    }
}

impl<'a> Call<'a> {
    /// The argument of the parameter `name`.
    pub fn argument(&self, name: &str) -> &'a Argument<ValueId> {
        let Some((index, _)) = self.operator.parameter(name) else { panic!("`{}` declares no parameter `{name}`", self.operator.name) };
        &self.arguments[index]
    }

    /// Descriptor of a required tensor.
    pub fn operand(&self, name: &str) -> &'a OperandDescriptor {
        self.optional_operand(name).unwrap_or_else(|| self.wrong_kind(name))
    }

    /// Descriptor of an optional tensor.
    pub fn optional_operand(&self, name: &str) -> Option<&'a OperandDescriptor> {
        match self.argument(name) {
            Argument::Operand(id) => Some(self.values.descriptor(*id)),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// Descriptors of a list of tensors.
    pub fn operands(&self, name: &str) -> Vec<&'a OperandDescriptor> {
        match self.argument(name) {
            Argument::Operands(ids) => ids.iter().map(|id| self.values.descriptor(*id)).collect(),
            _ => self.wrong_kind(name),
        }
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> usize {
        self.optional_int(name).unwrap_or_else(|| self.wrong_kind(name))
    }

    /// An optional whole number.
    pub fn optional_int(&self, name: &str) -> Option<usize> {
        match self.argument(name) {
            Argument::Int(number) => Some(*number),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// Whole numbers.
    pub fn ints(&self, name: &str) -> &'a [usize] {
        self.optional_ints(name).unwrap_or_else(|| self.wrong_kind(name))
    }

    /// Optional whole numbers.
    pub fn optional_ints(&self, name: &str) -> Option<&'a [usize]> {
        match self.argument(name) {
            Argument::Ints(numbers) => Some(numbers),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        self.optional_float(name).unwrap_or_else(|| self.wrong_kind(name))
    }

    /// An optional number.
    pub fn optional_float(&self, name: &str) -> Option<f64> {
        match self.argument(name) {
            Argument::Float(number) => Some(*number),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// Optional numbers.
    pub fn optional_floats(&self, name: &str) -> Option<&'a [f64]> {
        match self.argument(name) {
            Argument::Floats(numbers) => Some(numbers),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// Optional enum values.
    pub fn optional_texts(&self, name: &str) -> Option<&'a [String]> {
        match self.argument(name) {
            Argument::Texts(texts) => Some(texts),
            Argument::None => None,
            _ => self.wrong_kind(name),
        }
    }

    /// true or false.
    pub fn bool(&self, name: &str) -> bool {
        match self.argument(name) {
            Argument::Bool(flag) => *flag,
            _ => self.wrong_kind(name),
        }
    }

    /// An enum value.
    pub fn text(&self, name: &str) -> &'a str {
        match self.argument(name) {
            Argument::Text(text) => text,
            _ => self.wrong_kind(name),
        }
    }

    /// A data type.
    pub fn data_type(&self, name: &str) -> DataType {
        match self.argument(name) {
            Argument::DataType(data_type) => *data_type,
            _ => self.wrong_kind(name),
        }
    }

    fn wrong_kind(&self, name: &str) -> ! {
        panic!("`{}`: the parameter `{name}` is read as a kind that it is not", self.operator.name)
    }
}

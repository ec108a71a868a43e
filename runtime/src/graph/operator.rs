//! What an operator is: a name, parameters, a rule, and (with the features `cpu` and `webgpu`) what computes it there.
//! `operator!` makes the static description, the options struct and the builder's method from one declaration,
//! so that the spec language, the documentation and the typed API cannot disagree.

use super::{Argument, Call, DataType, OperandDescriptor};

/// The kind of an operator's parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tensor.
    Operand,
    /// A list of tensors.
    Operands,
    /// A size or axis, not negative.
    Int,
    /// A list of sizes or axes.
    Ints,
    /// A number.
    Float,
    /// A list of numbers.
    Floats,
    /// true or false.
    Bool,
    /// One of WebNN's enum values, kebab-case.
    Text,
    /// A list of WebNN's enum values.
    Texts,
    /// A data type by name.
    DataType,
}

impl Kind {
    /// The kind as a reader of an error message knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Operand => "a tensor",
            Kind::Operands => "a list of tensors",
            Kind::Int => "a whole number",
            Kind::Ints => "a list of whole numbers",
            Kind::Float => "a number",
            Kind::Floats => "a list of numbers",
            Kind::Bool => "true or false",
            Kind::Text => "a name in quotes",
            Kind::Texts => "a list of names in quotes",
            Kind::DataType => "a data type in quotes",
        }
    }
}

/// The value of an option that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// The parameter must be given.
    Required,
    /// Absent; the rule says what that means.
    None,
    /// A whole number.
    Int(usize),
    /// A number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// An enum value.
    Text(&'static str),
    /// A data type.
    DataType(DataType),
}

/// One parameter: positional where required, by name where it has a default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// snake_case of WebNN's name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when not given.
    pub default: DefaultValue,
}

impl Parameter {
    /// True where a call must give it.
    pub const fn is_required(&self) -> bool {
        matches!(self.default, DefaultValue::Required)
    }
}

/// The rule of an operator: descriptors of its outputs, or what is wrong.
pub type Rule = fn(&Call<'_>) -> Result<Vec<OperandDescriptor>, String>;

/// One WebNN operator.
pub struct Operator {
    /// snake_case: the builder's method and the spec language's function.
    pub name: &'static str,
    /// WebNN's method.
    pub webnn: &'static str,
    /// One sentence and a formula; the first doc comment of the declaration. No browser downloads it.
    #[cfg(not(target_arch = "wasm32"))]
    pub doc: &'static str,
    /// The options struct of the typed method; empty where there are no options.
    pub options: &'static str,
    /// Required ones first, then the options.
    pub parameters: &'static [Parameter],
    /// True where it gives a list of tensors, as `split` and `lstm` do, not one.
    pub gives_list: bool,
    /// Shape and type rule.
    pub rule: Rule,
    /// Reference kernel.
    #[cfg(feature = "cpu")]
    pub kernel: crate::backends::cpu::Kernel,
    /// Its dispatches. A program holds those of the operators that it names, and no others.
    #[cfg(feature = "webgpu")]
    pub(crate) wgsl: crate::backends::webgpu::Wgsl,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Operator({})", self.name)
    }
}

impl PartialEq for Operator {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Operator {
    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<(usize, &'static Parameter)> {
        self.parameters.iter().enumerate().find(|(_, parameter)| parameter.name == name)
    }

    /// True where the operator gives a list of tensors, as `split` and `lstm` do, not one.
    pub fn gives_list(&self) -> bool {
        self.gives_list
    }
}

/// Turns a typed Rust argument into an [`Argument`]; used by `operator!`.
pub trait IntoArgument {
    /// The argument's dynamic form.
    fn into_argument(self) -> Argument;
}

macro_rules! into_argument {
    ($($from:ty => |$value:ident| $argument:expr;)*) => {$(
        impl IntoArgument for $from {
            fn into_argument(self) -> Argument { let $value = self; $argument }
        }
    )*};
}

into_argument! {
    &super::Operand => |operand| Argument::Operand(operand.clone());
    Option<super::Operand> => |operand| operand.map_or(Argument::None, Argument::Operand);
    &[super::Operand] => |operands| Argument::Operands(operands.to_vec());
    usize => |number| Argument::Int(number);
    Option<usize> => |number| number.map_or(Argument::None, Argument::Int);
    &[usize] => |numbers| Argument::Ints(numbers.to_vec());
    Option<Vec<usize>> => |numbers| numbers.map_or(Argument::None, Argument::Ints);
    f64 => |number| Argument::Float(number);
    Option<f64> => |number| number.map_or(Argument::None, Argument::Float);
    Option<Vec<f64>> => |numbers| numbers.map_or(Argument::None, Argument::Floats);
    Option<Vec<String>> => |texts| texts.map_or(Argument::None, Argument::Texts);
    bool => |flag| Argument::Bool(flag);
    &str => |text| Argument::Text(text.to_owned());
    String => |text| Argument::Text(text);
    DataType => |data_type| Argument::DataType(data_type);
}

/// Declares an operator: `name "webnnName" STATIC (required: kind, …) [-> list] [options Struct { option: kind = default, … }] rule …; kernel …; wgsl …;`.
macro_rules! operator {
    (
        $(#[doc = $doc:literal])*
        $name:ident $webnn:literal $static_name:ident ( $($required:ident : $required_kind:ident),* $(,)? ) $(-> $list:ident)?
        $(options $options:ident { $( $(#[doc = $option_doc:literal])* $option:ident : $option_kind:ident $(= $default:expr)? ),* $(,)? })?
        rule $rule:path;
        kernel $kernel:path;
        wgsl $wgsl:path;
    ) => {
        $(
            #[doc = concat!("Options of `", stringify!($name), "`.")]
            #[derive(Clone, Debug)]
            pub struct $options {
                $( $(#[doc = $option_doc])* pub $option: operator!(@option_type $option_kind $($default)?), )*
            }

            impl Default for $options {
                fn default() -> Self {
                    Self { $( $option: operator!(@option_default $option_kind $($default)?), )* }
                }
            }
        )?

        $(#[doc = $doc])*
        pub static $static_name: $crate::graph::Operator = $crate::graph::Operator {
            name: stringify!($name),
            webnn: $webnn,
            #[cfg(not(target_arch = "wasm32"))]
            doc: concat!($($doc, "\n"),*),
            options: concat!($(stringify!($options))?),
            parameters: &[
                $( $crate::graph::Parameter {
                    name: operator!(@name $required),
                    kind: operator!(@kind $required_kind),
                    default: $crate::graph::DefaultValue::Required,
                }, )*
                $($( $crate::graph::Parameter {
                    name: stringify!($option),
                    kind: operator!(@kind $option_kind),
                    default: operator!(@default $option_kind $($default)?),
                }, )*)?
            ],
            gives_list: operator!(@gives $($list)?),
            rule: $rule,
            #[cfg(feature = "cpu")]
            kernel: $kernel,
            #[cfg(feature = "webgpu")]
            wgsl: $wgsl,
        };

        impl $crate::graph::GraphBuilder {
            $(#[doc = $doc])*
            #[doc = concat!("\n**WebNN** `", $webnn, "`")]
            #[allow(clippy::too_many_arguments)] // As many as WebNN's method has.
            pub fn $name(&self, $($required: operator!(@type $required_kind),)* $(options: $options)?)
                -> Result<operator!(@output $($list)?), $crate::GraphError> {
                operator!(@call $($list)?)(self, &$static_name, vec![
                    $( $crate::graph::IntoArgument::into_argument($required), )*
                    $($( $crate::graph::IntoArgument::into_argument(options.$option), )*)?
                ])
            }
        }
    };

    (@name $name:ident) => { stringify!($name) };
    (@gives list) => { true };
    (@gives) => { false };
    (@output list) => { Vec<$crate::graph::Operand> };
    (@output) => { $crate::graph::Operand };
    (@call list) => { $crate::graph::GraphBuilder::call };
    (@call) => { $crate::graph::GraphBuilder::call_one };

    (@kind operand) => { $crate::graph::Kind::Operand };
    (@kind operands) => { $crate::graph::Kind::Operands };
    (@kind int) => { $crate::graph::Kind::Int };
    (@kind ints) => { $crate::graph::Kind::Ints };
    (@kind float) => { $crate::graph::Kind::Float };
    (@kind floats) => { $crate::graph::Kind::Floats };
    (@kind bool) => { $crate::graph::Kind::Bool };
    (@kind text) => { $crate::graph::Kind::Text };
    (@kind texts) => { $crate::graph::Kind::Texts };
    (@kind data_type) => { $crate::graph::Kind::DataType };

    (@type operand) => { &$crate::graph::Operand };
    (@type operands) => { &[$crate::graph::Operand] };
    (@type int) => { usize };
    (@type ints) => { &[usize] };
    (@type float) => { f64 };
    (@type bool) => { bool };
    (@type text) => { &str };
    (@type data_type) => { $crate::graph::DataType };

    (@option_type operand) => { Option<$crate::graph::Operand> };
    (@option_type int) => { Option<usize> };
    (@option_type int $default:expr) => { usize };
    (@option_type ints) => { Option<Vec<usize>> };
    (@option_type float) => { Option<f64> };
    (@option_type float $default:expr) => { f64 };
    (@option_type floats) => { Option<Vec<f64>> };
    (@option_type bool $default:expr) => { bool };
    (@option_type text $default:expr) => { String };
    (@option_type texts) => { Option<Vec<String>> };
    (@option_type data_type $default:expr) => { $crate::graph::DataType };

    (@option_default text $default:expr) => { String::from($default) };
    (@option_default $kind:ident $default:expr) => { $default };
    (@option_default $kind:ident) => { None };

    (@default int $default:expr) => { $crate::graph::DefaultValue::Int($default) };
    (@default float $default:expr) => { $crate::graph::DefaultValue::Float($default) };
    (@default bool $default:expr) => { $crate::graph::DefaultValue::Bool($default) };
    (@default text $default:expr) => { $crate::graph::DefaultValue::Text($default) };
    (@default data_type $default:expr) => { $crate::graph::DefaultValue::DataType($default) };
    (@default $kind:ident) => { $crate::graph::DefaultValue::None };
}
pub(crate) use operator;

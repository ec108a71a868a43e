//! Element-wise formulas as WGSL, on one element or on four; and the pointwise kernel.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::{Options, unsupported};
use super::super::shader::{INFINITY, Shader, Tensor};
use super::super::storage::Storage;
use super::element::{Form, element, walk};
use crate::digits::digits;
use crate::error::Result;
use crate::graph::DataType;
use crate::optimize::{Binary, Compare, Expression, Instruction, Operation, Unary};

/// One input of a pointwise kernel: a tensor, its first element and its strides over the output's shape.
pub(crate) struct Walked<'a> {
    pub(crate) tensor: &'a Tensor,
    pub(crate) offset: usize,
    pub(crate) strides: &'a [usize],
}

const NAMES: [&str; 7] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6"];

/// `output[i] = expression(inputs[0][i], …)`
pub(crate) fn pointwise(
    shape: &[usize],
    inputs: &[Walked<'_>],
    expression: &Expression,
    output: &Tensor,
    options: &Options,
    label: &str,
) -> Result<Dispatch> {
    let mut shader = Shader::new(options, label);
    if inputs.len() > NAMES.len() {
        return Err(unsupported(label, format!("{} inputs of one element-wise kernel; the limit is {}", inputs.len(), NAMES.len())));
    }
    // A mere copy must not change a bit.
    let copy = matches!(expression.instructions[..], [Instruction { operation: Operation::Input(_), .. }]);
    let raw = |tensor: &Tensor| if copy { tensor.raw() } else { tensor.clone() };
    let output = &raw(output);
    let wide = inputs.iter().any(|input| input.tensor.storage.is_wide())
        || expression.instructions.iter().any(|instruction| Storage::of(instruction.data_type).is_wide());
    let four = shape.last().is_some_and(|size| size.is_multiple_of(4)) && !wide;
    let (form, width) = if four { (Form::Four, 4) } else { (Form::One, 1) };
    let mut body = format!("fn element{}(i: u32) -> {} {{\n", if four { "4" } else { "" }, wgsl_type(output.storage.scalar(), width));
    if four {
        body.push_str("let e = 4u * i;\n");
    }
    for (name, input) in NAMES.iter().zip(inputs) {
        let whole = four && walks_by_four(input, shape);
        let tensor = raw(input.tensor);
        shader.read(name, &tensor, if whole { 4 } else { 1 });
        body.push_str(&walk(&format!("p{name}"), if four { "e" } else { "i" }, shape, input.strides, input.offset));
        let scalar = tensor.storage.scalar();
        let _ = match (four, input.strides.last().unwrap_or(&0)) {
            _ if whole => writeln!(body, "let v{name} = {name}4(p{name} / 4u);"),
            (true, 0) => writeln!(body, "let v{name} = vec4<{scalar}>({name}(p{name}));"),
            (true, stride) => {
                let parts: Vec<String> = (0..4).map(|k| format!("{name}(p{name} + {}u)", k * stride)).collect();
                writeln!(body, "let v{name} = vec4<{scalar}>({});", parts.join(", "))
            }
            (false, _) => writeln!(body, "let v{name} = {name}(p{name});"),
        };
    }
    let loaded: Vec<String> = (0..inputs.len()).map(|index| format!("vx{index}")).collect();
    body.push_str(&statements(expression, &loaded, width));
    let _ = writeln!(body, "return r{};\n}}", expression.instructions.len() - 1);
    element(shader, output, form, &body, options)
}

/// `fn activate(x: f32) -> f32`, or of four: an expression of one input.
pub(crate) fn activation(expression: &Expression, width: usize) -> String {
    let float = wgsl_type("f32", width);
    let body = statements(expression, &[String::from("x")], width);
    format!("fn activate(x: {float}) -> {float} {{\n{body}return r{};\n}}\n", expression.instructions.len() - 1)
}

/// True where every four of the output are four neighbours of the input, from a multiple of four on.
fn walks_by_four(input: &Walked<'_>, shape: &[usize]) -> bool {
    let Some((1, outer)) = input.strides.split_last() else { return false };
    let whole = outer.iter().zip(shape).all(|(stride, size)| *size == 1 || stride.is_multiple_of(4));
    whole && input.offset.is_multiple_of(4) && input.tensor.allows_four()
}

fn wgsl_type(scalar: &str, width: usize) -> String {
    if width == 4 { format!("vec4<{scalar}>") } else { scalar.to_owned() }
}

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
    Signed64,
    Unsigned64,
}

fn kind(data_type: DataType) -> Kind {
    match data_type {
        DataType::Float32 | DataType::Float16 => Kind::Float,
        DataType::Int32 | DataType::Int8 | DataType::Int4 => Kind::Signed,
        DataType::Uint32 | DataType::Uint8 | DataType::Uint4 => Kind::Unsigned,
        DataType::Int64 => Kind::Signed64,
        DataType::Uint64 => Kind::Unsigned64,
    }
}

/// `let r0 = …; let r1 = …;`, one per instruction.
fn statements(expression: &Expression, inputs: &[String], width: usize) -> String {
    let mut text = String::new();
    let data_type = |register: usize| expression.instructions[register].data_type;
    for (register, instruction) in expression.instructions.iter().enumerate() {
        let own = instruction.data_type;
        let formula = Formula { data_type: own, width };
        let value = match &instruction.operation {
            Operation::Input(index) => inputs[*index].clone(),
            Operation::Constant(number) => formula.number(*number),
            Operation::Cast(a) => cast(&format!("r{a}"), data_type(*a), own, width),
            Operation::Select(condition, a, b) => format!("select(r{b}, r{a}, r{condition} != {})", splat("u32", "0u", width)),
            Operation::Compare(compare, a, b) => truth(&comparison(*compare, *a, *b, kind(data_type(*a))), width),
            Operation::Binary(binary, a, b) => {
                let exponent = match expression.instructions[*b].operation {
                    Operation::Constant(number) => Some(number),
                    _ => None,
                };
                formula.fit(formula.binary(*binary, *a, *b, exponent))
            }
            Operation::Unary(unary, a) => formula.fit(Formula { data_type: data_type(*a), width }.unary(*unary, *a)),
        };
        let _ = writeln!(text, "let r{register} = {value};");
    }
    text
}

fn splat(scalar: &str, value: &str, width: usize) -> String {
    format!("{}({value})", wgsl_type(scalar, width))
}

/// 1 or 0 of a condition.
fn truth(condition: &str, width: usize) -> String {
    format!("select({}, {}, {condition})", splat("u32", "0u", width), splat("u32", "1u", width))
}

fn comparison(compare: Compare, a: usize, b: usize, kind: Kind) -> String {
    let less = match kind {
        Kind::Signed64 => "wi_less",
        Kind::Unsigned64 => "wu_less",
        // Compilers make of `!=` what is false of no number (`OpFOrdNotEqual`).
        _ if compare == Compare::NotEqual => return format!("!(r{a} == r{b})"),
        _ => {
            let sign = match compare {
                Compare::Equal | Compare::NotEqual => "==",
                Compare::Greater => ">",
                Compare::GreaterOrEqual => ">=",
                Compare::Lesser => "<",
                Compare::LesserOrEqual => "<=",
            };
            return format!("r{a} {sign} r{b}");
        }
    };
    match compare {
        Compare::Equal => format!("w_equal(r{a}, r{b})"),
        Compare::NotEqual => format!("!w_equal(r{a}, r{b})"),
        Compare::Greater => format!("{less}(r{b}, r{a})"),
        Compare::GreaterOrEqual => format!("!{less}(r{a}, r{b})"),
        Compare::Lesser => format!("{less}(r{a}, r{b})"),
        Compare::LesserOrEqual => format!("!{less}(r{b}, r{a})"),
    }
}

/// A number as WGSL of this scalar type. Of 64-bit integers `vec2<u32>` serves the signed ones.
pub(crate) fn literal(number: f64, scalar: &str) -> String {
    let float = number as f32;
    let pair = |bits: u64| format!("vec2<u32>({}u, {}u)", bits as u32, bits >> 32);
    match scalar {
        "f32" if float.is_nan() => format!("bitcast<f32>({INFINITY} | 4194304u)"),
        "f32" if float == f32::INFINITY => format!("bitcast<f32>({INFINITY})"),
        "f32" if float == f32::NEG_INFINITY => format!("-bitcast<f32>({INFINITY})"),
        // Compilers read decimals in float64, where the shortest one of a float is another number, of the greatest even one beyond it.
        "f32" => format!("f32({})", digits(f64::from(float))),
        "i32" if number <= f64::from(i32::MIN) => "(-2147483647 - 1)".into(),
        "i32" => format!("i32({})", number as i32),
        "vec2<u32>" if number < 0.0 => pair(number as i64 as u64),
        "vec2<u32>" => pair(number as u64),
        _ => format!("{}u", number as u32),
    }
}

/// A number in a data type, kept inside its range.
pub(crate) fn literal_of(number: f64, data_type: DataType) -> String {
    let inside = match data_type {
        DataType::Float32 => number,
        DataType::Float16 if number.fract() == 0.0 && number.abs() <= 2048.0 => number,
        DataType::Float16 => return format!("m_half({})", literal(number, "f32")),
        DataType::Int8 => f64::from(number as i8),
        DataType::Uint8 => f64::from(number as u8),
        DataType::Int4 => f64::from((number as i8).clamp(-8, 7)),
        DataType::Uint4 => f64::from((number as u8).min(15)),
        DataType::Int64 if number >= 9223372036854775808.0 => return "vec2<u32>(4294967295u, 2147483647u)".into(),
        DataType::Uint64 => number.max(0.0),
        _ => number,
    };
    literal(inside, Storage::of(data_type).scalar())
}

/// The register of a number in another type: integers keep their low bits, floats truncate and stop at the type's range.
pub(crate) fn cast(value: &str, from: DataType, to: DataType, width: usize) -> String {
    let functions = if width == 4 { "m4" } else { "m" };
    let (source, target) = (kind(from), kind(to));
    let float = match source {
        Kind::Signed64 => format!("wi_float({value})"),
        Kind::Unsigned64 => format!("wu_float({value})"),
        Kind::Float => value.to_owned(),
        _ => splat("f32", value, width),
    };
    let within = |low: i64, high: i64| {
        let (function, scalar) = if target == Kind::Signed { ("int", "i32") } else { ("uint", "u32") };
        let bound = |number: i64| splat(scalar, &number.to_string(), width);
        let low = if target == Kind::Signed {
            format!("max({functions}_{function}({value}), {})", bound(low))
        } else {
            format!("{functions}_{function}({value})")
        };
        format!("min({low}, {})", bound(high))
    };
    let low_word = if source == Kind::Float { String::new() } else { format!("{value}.x") };
    let formula = Formula { data_type: to, width };
    match (source, target) {
        _ if from == to => value.to_owned(),
        (_, Kind::Float) => {
            if to == DataType::Float16 {
                format!("{functions}_half({float})")
            } else {
                float
            }
        }
        (Kind::Float, Kind::Signed64) => format!("wi_from_float({value})"),
        (Kind::Float, Kind::Unsigned64) => format!("wu_from_float({value})"),
        (Kind::Float, _) => match to {
            DataType::Int8 => within(-128, 127),
            DataType::Uint8 => within(0, 255),
            DataType::Int4 => within(-8, 7),
            DataType::Uint4 => within(0, 15),
            DataType::Int32 => format!("{functions}_int({value})"),
            _ => format!("{functions}_uint({value})"),
        },
        (Kind::Signed64 | Kind::Unsigned64, Kind::Signed64 | Kind::Unsigned64) => value.to_owned(),
        (Kind::Signed64 | Kind::Unsigned64, Kind::Signed) => formula.fit(format!("bitcast<i32>({low_word})")),
        (Kind::Signed64 | Kind::Unsigned64, _) => formula.fit(low_word),
        (Kind::Signed, Kind::Signed64 | Kind::Unsigned64) => format!("w_from_int({value})"),
        (_, Kind::Signed64 | Kind::Unsigned64) => format!("vec2<u32>({value}, 0u)"),
        (_, Kind::Signed) => formula.fit(splat("i32", value, width)),
        (..) => formula.fit(splat("u32", value, width)),
    }
}

/// What one instruction computes, in a data type and a width.
#[derive(Clone, Copy)]
struct Formula {
    data_type: DataType,
    width: usize,
}

impl Formula {
    fn number(self, number: f64) -> String {
        let text = literal_of(number, self.data_type);
        if self.wide() { text } else { splat(Storage::of(self.data_type).scalar(), &text, self.width) }
    }

    fn wide(self) -> bool {
        Storage::of(self.data_type).is_wide()
    }

    /// Prefix of the functions of `math.wgsl`.
    fn functions(self) -> &'static str {
        if self.width == 4 { "m4" } else { "m" }
    }

    /// A result inside its type: small integers wrap, float16 rounds.
    fn fit(self, text: String) -> String {
        let (signed, unsigned) = match self.data_type {
            DataType::Float16 => return format!("{}_half({text})", self.functions()),
            DataType::Uint8 => (None, Some("255u")),
            DataType::Uint4 => (None, Some("15u")),
            DataType::Int8 => (Some("24u"), None),
            DataType::Int4 => (Some("28u"), None),
            _ => (None, None),
        };
        match (signed, unsigned) {
            (Some(places), _) => format!("((({text}) << {0}) >> {0})", splat("u32", places, self.width)),
            (_, Some(mask)) => format!("(({text}) & {})", splat("u32", mask, self.width)),
            _ => text,
        }
    }

    fn binary(self, binary: Binary, a: usize, b: usize, exponent: Option<f64>) -> String {
        let (kind, functions, zero) = (kind(self.data_type), self.functions(), self.number(0.0));
        let call = |name: &str| format!("{functions}_{name}(r{a}, r{b})");
        if let Some(sign) = match kind {
            Kind::Signed64 => Some("wi"),
            Kind::Unsigned64 => Some("wu"),
            _ => None,
        } {
            return match binary {
                Binary::Add | Binary::Sub | Binary::Mul => format!("w_{}(r{a}, r{b})", format!("{binary:?}").to_ascii_lowercase()),
                Binary::Div | Binary::Max | Binary::Min | Binary::Pow => {
                    format!("{sign}_{}(r{a}, r{b})", format!("{binary:?}").to_ascii_lowercase())
                }
                Binary::Prelu if kind == Kind::Signed64 => format!("select(r{a}, w_mul(r{b}, r{a}), wi_negative(r{a}))"),
                _ => format!("r{a}"),
            };
        }
        let logical = |sign: &str| truth(&format!("(r{a} != {zero}) {sign} (r{b} != {zero})"), self.width);
        match binary {
            Binary::Add => format!("r{a} + r{b}"),
            Binary::Sub if a == b && kind == Kind::Float => format!("{functions}_nothing(r{a})"),
            Binary::Sub => format!("r{a} - r{b}"),
            Binary::Mul => format!("r{a} * r{b}"),
            Binary::Div if kind == Kind::Float => format!("r{a} / r{b}"),
            // By 0 it gives 0.
            Binary::Div => format!("select(r{a} / r{b}, {zero}, r{b} == {zero})"),
            Binary::Max if kind == Kind::Float => call("max"),
            Binary::Min if kind == Kind::Float => call("min"),
            Binary::Max => format!("max(r{a}, r{b})"),
            Binary::Min => format!("min(r{a}, r{b})"),
            Binary::Pow => match exponent {
                Some(1.0) => format!("r{a}"),
                Some(2.0) => format!("r{a} * r{a}"),
                Some(3.0) => format!("r{a} * r{a} * r{a}"),
                Some(4.0) => format!("(r{a} * r{a}) * (r{a} * r{a})"),
                Some(0.5) if kind == Kind::Float => format!("sqrt(r{a})"),
                Some(-1.0) if kind == Kind::Float => format!("1.0 / r{a}"),
                _ => call(match kind {
                    Kind::Float => "pow",
                    Kind::Signed => "ipow",
                    _ => "upow",
                }),
            },
            Binary::Prelu => format!("select(r{a}, r{b} * r{a}, r{a} < {zero})"),
            Binary::And => logical("&"),
            Binary::Or => logical("|"),
            Binary::Xor => logical("!="),
        }
    }

    /// `value` between two bounds; what is no number stays so.
    fn between(self, value: &str, minimum: f64, maximum: f64) -> String {
        let kind = kind(self.data_type);
        let (lesser, greater) = match kind {
            Kind::Signed64 => ("wi_min", "wi_max"),
            Kind::Unsigned64 => ("wu_min", "wu_max"),
            Kind::Float if self.width == 4 => ("m4_min", "m4_max"),
            Kind::Float => ("m_min", "m_max"),
            _ => ("min", "max"),
        };
        let low = if minimum == f64::NEG_INFINITY { value.to_owned() } else { format!("{greater}({value}, {})", self.number(minimum)) };
        if maximum == f64::INFINITY { low } else { format!("{lesser}({low}, {})", self.number(maximum)) }
    }

    fn unary(self, unary: Unary, a: usize) -> String {
        let kind = kind(self.data_type);
        // Coefficients are not rounded to the type of what they multiply.
        let float = |number: f64| format!("({})", literal(number, "f32"));
        let call = |name: &str| format!("{}_{name}(r{a})", self.functions());
        let number = |number: f64| self.number(number);
        let scaled = |factor: f64| if factor == 0.0 { call("nothing") } else { format!("r{a} * {}", float(factor)) };
        match (unary, kind) {
            (Unary::Sign, Kind::Unsigned64) => format!("wu_sign(r{a})"),
            (Unary::Abs | Unary::Relu, Kind::Unsigned | Kind::Unsigned64) => format!("r{a}"),
            (Unary::Abs, Kind::Signed64) => format!("wi_abs(r{a})"),
            (Unary::Abs, _) => format!("abs(r{a})"),
            (Unary::Neg, Kind::Signed64 | Kind::Unsigned64) => format!("w_neg(r{a})"),
            (Unary::Neg, Kind::Unsigned) => format!("~r{a} + {}", splat("u32", "1u", self.width)),
            (Unary::Neg, _) => format!("-r{a}"),
            (Unary::Sign, Kind::Signed64) => format!("wi_sign(r{a})"),
            (Unary::Sign, Kind::Unsigned) => format!("min(r{a}, {})", number(1.0)),
            (Unary::Sign, Kind::Signed) => format!("sign(r{a})"),
            (Unary::Sign, _) => call("sign"),
            (Unary::Relu, Kind::Signed64) => format!("select(r{a}, vec2<u32>(0u), wi_negative(r{a}))"),
            (Unary::Relu, Kind::Signed) => format!("max(r{a}, {})", number(0.0)),
            (Unary::Relu, _) => format!("select(r{a}, {0}, r{a} < {0})", number(0.0)),
            (Unary::Ceil, _) => format!("ceil(r{a})"),
            (Unary::Cos, _) => call("cos"),
            (Unary::Erf, _) => call("erf"),
            (Unary::Exp, _) => format!("exp(r{a})"),
            (Unary::Floor, _) => format!("floor(r{a})"),
            (Unary::Log, _) => format!("log(r{a})"),
            (Unary::LogicalNot, _) => truth(&format!("r{a} == {}", number(0.0)), self.width),
            (Unary::Reciprocal, _) => format!("1.0 / r{a}"),
            (Unary::RoundEven, _) => format!("round(r{a})"),
            (Unary::Sin, _) => call("sin"),
            (Unary::Sqrt, _) => format!("sqrt(r{a})"),
            (Unary::Tan, _) => call("tan"),
            (Unary::Tanh, _) => call("tanh"),
            (Unary::Sigmoid, _) => call("sigmoid"),
            (Unary::Gelu, _) => call("gelu"),
            (Unary::Softplus, _) => call("softplus"),
            (Unary::Softsign, _) => format!("r{a} / (1.0 + abs(r{a}))"),
            (Unary::HardSwish, _) => format!("r{a} * {} / 6.0", self.between(&format!("(r{a} + 3.0)"), 0.0, 6.0)),
            (Unary::Elu { alpha }, _) => format!("{}_elu(r{a}, {})", self.functions(), splat("f32", &literal(alpha, "f32"), self.width)),
            (Unary::LeakyRelu { alpha }, _) => format!("select({}, r{a}, r{a} >= {})", scaled(alpha), number(0.0)),
            (Unary::HardSigmoid { alpha, beta }, _) => self.between(&format!("({} + {})", scaled(alpha), float(beta)), 0.0, 1.0),
            (Unary::Affine { alpha, beta }, _) => format!("{} + {}", scaled(alpha), float(beta)),
            (Unary::Clamp { minimum, maximum }, _) => self.between(&format!("r{a}"), minimum, maximum),
            (Unary::IsNan, _) => call("isnan"),
            (Unary::IsInfinite, _) => call("isinf"),
        }
    }
}

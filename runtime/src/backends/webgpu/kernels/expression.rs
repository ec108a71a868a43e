//! Element-wise formulas as WGSL, on one element or on four; and the pointwise kernel.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::{Options, unsupported};
use super::super::shader::{Shader, Storage, Tensor};
use super::element::{Form, element, walk};
use crate::error::Result;
use crate::graph::DataType;
use crate::optimize::{Binary, Compare, Expression, Operation, Unary};

/// One input of a pointwise kernel: a tensor, its first element and its strides over the output's shape.
pub(in crate::backends::webgpu) struct Walked<'a> {
    pub(in crate::backends::webgpu) tensor: &'a Tensor,
    pub(in crate::backends::webgpu) offset: usize,
    pub(in crate::backends::webgpu) strides: &'a [usize],
}

const NAMES: [&str; 7] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6"];

/// `output[i] = expression(inputs[0][i], …)`
pub(in crate::backends::webgpu) fn pointwise(
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
    let four = shape.last().is_some_and(|size| size.is_multiple_of(4));
    let (form, width) = if four { (Form::Four, 4) } else { (Form::One, 1) };
    let mut body = format!("fn element{}(i: u32) -> {} {{\n", if four { "4" } else { "" }, wgsl_type(output.storage.scalar(), width));
    if four {
        body.push_str("let e = 4u * i;\n");
    }
    for (name, input) in NAMES.iter().zip(inputs) {
        let whole = four && walks_by_four(input, shape);
        shader.read(name, input.tensor, if whole { 4 } else { 1 });
        body.push_str(&walk(&format!("p{name}"), if four { "e" } else { "i" }, shape, input.strides, input.offset));
        let scalar = input.tensor.storage.scalar();
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
    body.push_str(&statements(expression, &loaded, width, label)?);
    let _ = writeln!(body, "return r{};\n}}", expression.instructions.len() - 1);
    element(shader, output, form, &prelude(expression, body), options)
}

/// `fn activate(x: f32) -> f32`, or of four: an expression of one input.
pub(in crate::backends::webgpu) fn activation(expression: &Expression, width: usize, label: &str) -> Result<String> {
    let float = wgsl_type("f32", width);
    let body = statements(expression, &[String::from("x")], width, label)?;
    let function = format!("fn activate(x: {float}) -> {float} {{\n{body}return r{};\n}}\n", expression.instructions.len() - 1);
    Ok(prelude(expression, function))
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

/// What constants that WGSL cannot spell are made of: no constant expression may be infinite or no number.
fn prelude(expression: &Expression, body: String) -> String {
    let special = |operation: &Operation| matches!(operation, Operation::Constant(number) if !(*number as f32).is_finite());
    if expression.instructions.iter().any(|instruction| special(&instruction.operation)) {
        return format!("var<private> infinity_bits: u32 = 0x7f800000u;\n{body}");
    }
    body
}

/// `let r0 = …; let r1 = …;`, one per instruction.
fn statements(expression: &Expression, inputs: &[String], width: usize, label: &str) -> Result<String> {
    let mut text = String::new();
    let scalar = |register: usize| {
        let data_type = expression.instructions[register].data_type;
        Storage::of(data_type).map(Storage::scalar).ok_or_else(|| unsupported(label, format!("{data_type} in WGSL")))
    };
    for (register, instruction) in expression.instructions.iter().enumerate() {
        let result = scalar(register)?;
        let full = wgsl_type(result, width);
        let operand_scalar = |operand: usize| scalar(operand);
        let value = match &instruction.operation {
            Operation::Input(index) => inputs[*index].clone(),
            Operation::Constant(number) => format!("{full}({})", literal(*number, result)),
            Operation::Cast(a) => cast(*a, operand_scalar(*a)?, instruction.data_type, width),
            Operation::Select(condition, a, b) => format!("select(r{b}, r{a}, r{condition} != {})", splat("u32", "0u", width)),
            Operation::Compare(compare, a, b) => {
                let sign = match compare {
                    Compare::Equal => "==",
                    Compare::NotEqual => "!=",
                    Compare::Greater => ">",
                    Compare::GreaterOrEqual => ">=",
                    Compare::Lesser => "<",
                    Compare::LesserOrEqual => "<=",
                };
                truth(&format!("r{a} {sign} r{b}"), width)
            }
            Operation::Binary(binary, a, b) => {
                let exponent = match expression.instructions[*b].operation {
                    Operation::Constant(number) => Some(number),
                    _ => None,
                };
                wrap(binary_text(*binary, *a, *b, exponent, result, width, label)?, instruction.data_type, width)
            }
            Operation::Unary(unary, a) => wrap(unary_text(*unary, *a, operand_scalar(*a)?, width), instruction.data_type, width),
        };
        let _ = writeln!(text, "let r{register}: {full} = {value};");
    }
    Ok(text)
}

fn splat(scalar: &str, value: &str, width: usize) -> String {
    format!("{}({value})", wgsl_type(scalar, width))
}

/// 1 or 0 of a condition.
fn truth(condition: &str, width: usize) -> String {
    format!("select({}, {}, {condition})", splat("u32", "0u", width), splat("u32", "1u", width))
}

/// Eight-bit arithmetic wraps.
fn wrap(text: String, data_type: DataType, width: usize) -> String {
    let places = splat("u32", "24u", width);
    match data_type {
        DataType::Uint8 => format!("(({text}) & {})", splat("u32", "255u", width)),
        DataType::Int8 => format!("((({text}) << {places}) >> {places})"),
        _ => text,
    }
}

/// A number as WGSL of this scalar type.
pub(super) fn literal(number: f64, scalar: &str) -> String {
    let float = number as f32;
    match scalar {
        "f32" if float.is_nan() => "bitcast<f32>(infinity_bits | 1u)".into(),
        "f32" if float == f32::INFINITY => "bitcast<f32>(infinity_bits)".into(),
        "f32" if float == f32::NEG_INFINITY => "-bitcast<f32>(infinity_bits)".into(),
        // Browsers read decimals in float64, where the shortest one of the greatest float is beyond it.
        "f32" if float.abs() == f32::MAX => format!("f32({:e})", f64::from(float)),
        // The shortest decimal that reads back as the same float.
        "f32" => format!("f32({float:e})"),
        "i32" if number <= f64::from(i32::MIN) => "(-2147483647 - 1)".into(),
        "i32" => format!("i32({})", number as i32),
        _ => format!("{}u", number as u32),
    }
}

fn cast(register: usize, from: &str, to: DataType, width: usize) -> String {
    let scalar = Storage::of(to).map_or("f32", Storage::scalar);
    let value = match (from, to) {
        // Saturating, so that what is out of range is the same everywhere.
        ("f32", DataType::Int8) => format!("clamp(r{register}, {}, {})", splat("f32", "-128.0", width), splat("f32", "127.0", width)),
        ("f32", DataType::Uint8) => format!("clamp(r{register}, {}, {})", splat("f32", "0.0", width), splat("f32", "255.0", width)),
        _ => format!("r{register}"),
    };
    let value = format!("{}({value})", wgsl_type(scalar, width));
    if from == "f32" { value } else { wrap(value, to, width) }
}

fn binary_text(binary: Binary, a: usize, b: usize, exponent: Option<f64>, scalar: &str, width: usize, label: &str) -> Result<String> {
    let vector = if width == 4 { "4" } else { "" };
    let zero = splat(scalar, "0", width);
    let logical = |sign: &str| truth(&format!("(r{a} != {zero}) {sign} (r{b} != {zero})"), width);
    Ok(match binary {
        Binary::Add => format!("r{a} + r{b}"),
        Binary::Sub => format!("r{a} - r{b}"),
        Binary::Mul => format!("r{a} * r{b}"),
        Binary::Div => format!("r{a} / r{b}"),
        Binary::Max => format!("max(r{a}, r{b})"),
        Binary::Min => format!("min(r{a}, r{b})"),
        Binary::Pow => match exponent {
            Some(1.0) => format!("r{a}"),
            Some(2.0) => format!("r{a} * r{a}"),
            Some(3.0) => format!("r{a} * r{a} * r{a}"),
            Some(4.0) => format!("(r{a} * r{a}) * (r{a} * r{a})"),
            Some(0.5) if scalar == "f32" => format!("sqrt(r{a})"),
            Some(-1.0) if scalar == "f32" => format!("1.0 / r{a}"),
            _ if scalar == "f32" => format!("m{vector}_pow(r{a}, r{b})"),
            _ => return Err(unsupported(label, "integer powers other than 1, 2, 3 and 4".into())),
        },
        Binary::Prelu => format!("select(r{b} * r{a}, r{a}, r{a} >= {zero})"),
        Binary::And => logical("&"),
        Binary::Or => logical("|"),
        Binary::Xor => logical("!="),
    })
}

fn unary_text(unary: Unary, a: usize, scalar: &str, width: usize) -> String {
    let vector = if width == 4 { "4" } else { "" };
    let number = |number: f64| splat(scalar, &literal(number, scalar), width);
    let float = |number: f64| format!("({})", literal(number, "f32"));
    let call = |name: &str| format!("m{vector}_{name}(r{a})");
    match unary {
        Unary::Abs if scalar == "u32" => format!("r{a}"),
        Unary::Abs => format!("abs(r{a})"),
        Unary::Ceil => format!("ceil(r{a})"),
        Unary::Cos => format!("cos(r{a})"),
        Unary::Erf => call("erf"),
        Unary::Exp => format!("exp(r{a})"),
        Unary::Floor => format!("floor(r{a})"),
        Unary::Log => format!("log(r{a})"),
        Unary::LogicalNot => truth(&format!("r{a} == {}", number(0.0)), width),
        Unary::Neg if scalar == "u32" => format!("~r{a} + {}", splat("u32", "1u", width)),
        Unary::Neg => format!("-r{a}"),
        Unary::Reciprocal => format!("1.0 / r{a}"),
        Unary::RoundEven => format!("round(r{a})"),
        Unary::Sign if scalar == "u32" => format!("min(r{a}, {})", number(1.0)),
        Unary::Sign => format!("sign(r{a})"),
        Unary::Sin => format!("sin(r{a})"),
        Unary::Sqrt => format!("sqrt(r{a})"),
        Unary::Tan => format!("tan(r{a})"),
        Unary::Tanh => call("tanh"),
        Unary::Relu => format!("max(r{a}, {})", number(0.0)),
        Unary::Sigmoid => call("sigmoid"),
        Unary::Gelu => call("gelu"),
        Unary::Softplus => call("softplus"),
        Unary::Softsign => format!("r{a} / (1.0 + abs(r{a}))"),
        Unary::HardSwish => format!("r{a} * clamp(r{a} + 3.0, {}, {}) / 6.0", number(0.0), number(6.0)),
        Unary::Elu { alpha } => format!("m{vector}_elu(r{a}, {})", number(alpha)),
        Unary::LeakyRelu { alpha } => format!("select(r{a} * {}, r{a}, r{a} >= {})", float(alpha), number(0.0)),
        Unary::HardSigmoid { alpha, beta } => format!("clamp(r{a} * {} + {}, {}, {})", float(alpha), float(beta), number(0.0), number(1.0)),
        Unary::Affine { alpha, beta } => format!("r{a} * {} + {}", float(alpha), float(beta)),
        Unary::Clamp { minimum, maximum } => {
            let low = if minimum == f64::NEG_INFINITY { format!("r{a}") } else { format!("max(r{a}, {})", number(minimum)) };
            if maximum == f64::INFINITY { low } else { format!("min({low}, {})", number(maximum)) }
        }
        Unary::IsNan => call("isnan"),
        Unary::IsInfinite => call("isinf"),
    }
}

//! What the recurrent networks share: activation functions, directions, checks of operands, products of a step.

use super::rule::same_type;
use crate::graph::Call;

/// WebNN's `MLRecurrentNetworkActivation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Relu,
    Sigmoid,
    Tanh,
}

/// The functions of a call, with the default filled in.
pub(crate) fn activations<const N: usize>(call: &Call<'_>, default: [Activation; N]) -> Result<[Activation; N], String> {
    let Some(names) = call.optional_texts("activations") else { return Ok(default) };
    let function = |name: &String| match name.as_str() {
        "relu" => Ok(Activation::Relu),
        "sigmoid" => Ok(Activation::Sigmoid),
        "tanh" => Ok(Activation::Tanh),
        _ => Err(format!("`activations` may be relu, sigmoid and tanh, found `{name}`")),
    };
    let functions = names.iter().map(function).collect::<Result<Vec<_>, _>>()?;
    functions.try_into().map_err(|_| format!("`activations` must have {N} entries, found {names:?}"))
}

/// The places of the gates of `standard` in the order that `layout` names, which is one of `known`.
pub(crate) fn gates<const N: usize>(call: &Call<'_>, standard: &str, known: [&str; 2]) -> Result<[usize; N], String> {
    let layout = call.text("layout");
    if !known.contains(&layout) {
        return Err(format!("`layout` must be {}, found `{layout}`", known.join(" or ")));
    }
    Ok(std::array::from_fn(|gate| layout.bytes().position(|letter| letter == standard.as_bytes()[gate]).unwrap_or_default()))
}

/// Which of the directions read the sequence backwards.
pub(crate) fn directions(call: &Call<'_>) -> Result<&'static [bool], String> {
    match call.text("direction") {
        "forward" => Ok(&[false]),
        "backward" => Ok(&[true]),
        "both" => Ok(&[false, true]),
        other => Err(format!("`direction` must be forward, backward or both, found `{other}`")),
    }
}

/// `hidden_size` and the rows of all gates, if both biases of that many gates fit a tensor.
pub(super) fn hidden(call: &Call<'_>, gates: usize) -> Result<[usize; 2], String> {
    let size = call.int("hidden_size");
    match size.checked_mul(2 * gates).filter(|rows| (1..=i32::MAX as usize).contains(rows)) {
        Some(rows) => Ok([size, rows / 2]),
        None => Err(format!("`hidden_size` {size} is 0 or too large")),
    }
}

/// Operands, where they are given, of the input's type and these shapes.
pub(super) fn expect(call: &Call<'_>, shapes: &[(&str, &[usize])]) -> Result<(), String> {
    for (name, shape) in shapes {
        let Some(operand) = call.optional_operand(name) else { continue };
        same_type(call.operand("input"), operand, &format!("`{name}`"))?;
        if operand.shape != *shape {
            return Err(format!("`{name}` must have shape {shape:?}, found {:?}", operand.shape));
        }
    }
    Ok(())
}

/// The sequence `[steps, batch, input size]` of a call.
pub(super) fn sequence(call: &Call<'_>) -> Result<[usize; 3], String> {
    let (shape, steps) = (&call.operand("input").shape, call.int("steps"));
    match shape[..] {
        [length, batch, size] if length == steps && steps > 0 => Ok([steps, batch, size]),
        _ => Err(format!("`input` must have shape [{steps}, batch, size] and at least one step, found {shape:?}")),
    }
}

/// The input `[batch, input size]` of a cell.
pub(super) fn single(call: &Call<'_>) -> Result<[usize; 2], String> {
    let shape = &call.operand("input").shape;
    shape[..].try_into().map_err(|_| format!("`input` must have rank 2, found {shape:?}"))
}

#[cfg(feature = "cpu")]
impl Activation {
    pub(super) fn of(self, x: f64) -> f64 {
        match self {
            // What is no number stays so, which `max` would not let it.
            Activation::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
        }
    }
}

/// The weights of one direction.
#[cfg(feature = "cpu")]
pub(super) struct Weights {
    weight: Vec<f64>,
    recurrent: Vec<f64>,
    biases: [Option<Vec<f64>>; 2],
}

#[cfg(feature = "cpu")]
impl Weights {
    /// Those of direction `direction` of so many.
    pub(super) fn new(arguments: &crate::backends::cpu::Arguments<'_>, direction: usize, directions: usize) -> Self {
        let part = |numbers: Vec<f64>| part(&numbers, direction, directions).to_vec();
        Self {
            weight: part(arguments.numbers("weight")),
            recurrent: part(arguments.numbers("recurrent_weight")),
            biases: ["bias", "recurrent_bias"].map(|name| arguments.optional_numbers(name).map(part)),
        }
    }

    /// The product of an input row with a gate's row, plus the bias.
    pub(super) fn input(&self, row: usize, x: &[f64]) -> f64 {
        product(&self.weight, row, x) + self.biases[0].as_ref().map_or(0.0, |bias| bias[row])
    }

    /// The product of a state with a gate's row, plus the recurrent bias.
    pub(super) fn state(&self, row: usize, state: &[f64]) -> f64 {
        product(&self.recurrent, row, state) + self.biases[1].as_ref().map_or(0.0, |bias| bias[row])
    }
}

#[cfg(feature = "cpu")]
fn product(matrix: &[f64], row: usize, x: &[f64]) -> f64 {
    matrix[row * x.len()..].iter().zip(x).map(|(a, b)| a * b).sum()
}

/// Part `index` of `count` equal ones.
#[cfg(feature = "cpu")]
pub(super) fn part(numbers: &[f64], index: usize, count: usize) -> &[f64] {
    let length = numbers.len() / count;
    &numbers[index * length..][..length]
}

//! Gated recurrent unit: a sequence, and one step of it.

use super::recurrent::{Activation, activations, directions, expect, gates, hidden, sequence, single};
use super::rule::{FLOATS, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// A sequence through a network with gates `z`, `r` and `n`: the last hidden state, and where asked all of them.
    ///
    /// Each step is that of `gru_cell`.
    ///
    /// **Shapes** `input: [steps, batch, size]`, `weight: [directions, 3·hidden, size]`, `recurrent_weight: [directions, 3·hidden, hidden]` →
    /// `[directions, batch, hidden]`, and `[steps, directions, batch, hidden]`.
    /// **Types** float32, float16; all of one type.
    /// **Errors** shapes that do not agree; no steps; an unknown direction, layout or activation function.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gru>
    gru "gru" GRU (input: operand, weight: operand, recurrent_weight: operand, steps: int, hidden_size: int) -> list
    options GruOptions {
        /// `[directions, 3·hidden]`, added to the products with the input; 0 if absent.
        bias: operand,
        /// `[directions, 3·hidden]`, added to the products with the hidden state; 0 if absent.
        recurrent_bias: operand,
        /// `[directions, batch, hidden]`; 0 if absent.
        initial_hidden_state: operand,
        /// Reset after the product with the hidden state, not before.
        reset_after: bool = true,
        /// Give all hidden states too.
        return_sequence: bool = false,
        /// `forward`, `backward` or `both`.
        direction: text = "forward",
        /// The order of the gates in the weights: `zrn` or `rzn`.
        layout: text = "zrn",
        /// Two of `relu`, `sigmoid`, `tanh`: of the gates, of `n`; sigmoid, tanh if absent.
        activations: texts,
    }
    rule rule;
    kernel kernels::gru;
    wgsl wgsl::gru;
}

operator! {
    /// One step of `gru`: the hidden state after it. `z, r = σ(x·Wᵀ + h·Rᵀ + b)`, `h' = z * h + (1 - z) * n`
    ///
    /// `n = tanh(x·Wᵀ + b + r * (h·Rᵀ + b'))` where the reset comes after the product, `n = tanh(x·Wᵀ + b + (r * h)·Rᵀ + b')` where before.
    ///
    /// **Shapes** `input: [batch, size]`, `weight: [3·hidden, size]`, `recurrent_weight: [3·hidden, hidden]`, `hidden_state: [batch, hidden]` →
    /// `[batch, hidden]`.
    /// **Types** float32, float16; all of one type.
    /// **Errors** shapes that do not agree; an unknown layout or activation function.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-grucell>
    gru_cell "gruCell" GRU_CELL (input: operand, weight: operand, recurrent_weight: operand, hidden_state: operand, hidden_size: int)
    options GruCellOptions {
        /// `[3·hidden]`, added to the products with the input; 0 if absent.
        bias: operand,
        /// `[3·hidden]`, added to the products with the hidden state; 0 if absent.
        recurrent_bias: operand,
        /// Reset after the product with the hidden state, not before.
        reset_after: bool = true,
        /// The order of the gates in the weights: `zrn` or `rzn`.
        layout: text = "zrn",
        /// Two of `relu`, `sigmoid`, `tanh`: of the gates, of `n`; sigmoid, tanh if absent.
        activations: texts,
    }
    rule cell_rule;
    kernel kernels::gru_cell;
    wgsl wgsl::gru_cell;
}

/// The places of the gates `z`, `r`, `n` in the weights, and the two functions.
pub(crate) fn cell(call: &Call<'_>) -> Result<([usize; 3], [Activation; 2]), String> {
    Ok((gates(call, "zrn", ["zrn", "rzn"])?, activations(call, [Activation::Sigmoid, Activation::Tanh])?))
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    cell(call)?;
    let ([steps, batch, size], [hidden, rows], count) = (sequence(call)?, hidden(call, 3)?, directions(call)?.len());
    let state = [count, batch, hidden];
    expect(call, &[
        ("weight", &[count, rows, size]),
        ("recurrent_weight", &[count, rows, hidden]),
        ("bias", &[count, rows]),
        ("recurrent_bias", &[count, rows]),
        ("initial_hidden_state", &state),
    ])?;
    let output = |shape: &[usize]| OperandDescriptor { data_type: input.data_type, shape: shape.to_vec() };
    let mut outputs = vec![output(&state)];
    if call.bool("return_sequence") {
        outputs.push(output(&[steps, count, batch, hidden]));
    }
    Ok(outputs)
}

fn cell_rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    cell(call)?;
    let ([batch, size], [hidden, rows]) = (single(call)?, hidden(call, 3)?);
    expect(call, &[
        ("weight", &[rows, size]),
        ("recurrent_weight", &[rows, hidden]),
        ("hidden_state", &[batch, hidden]),
        ("bias", &[rows]),
        ("recurrent_bias", &[rows]),
    ])?;
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape: vec![batch, hidden] }])
}

#[cfg(feature = "cpu")]
mod kernels {
    use super::super::recurrent::{Weights, directions, part};
    use super::{Activation, cell};
    use crate::backends::cpu::{Arguments, Output};

    /// One direction.
    struct Network {
        weights: Weights,
        places: [usize; 3],
        functions: [Activation; 2],
        reset_after: bool,
        hidden: usize,
    }

    impl Network {
        fn new(arguments: &Arguments<'_>, direction: usize, directions: usize) -> Self {
            let Ok((places, functions)) = cell(arguments) else { unreachable!("the rule checked it") };
            let (reset_after, hidden) = (arguments.bool("reset_after"), arguments.int("hidden_size"));
            Self { weights: Weights::new(arguments, direction, directions), places, functions, reset_after, hidden }
        }

        /// The state after the inputs `[batch, size]`.
        fn step(&self, input: &[f64], hidden: &mut [f64]) {
            let (count, [gate_function, new_function]) = (self.hidden, self.functions);
            let size = input.len() * count / hidden.len();
            for (x, hidden) in input.chunks(size).zip(hidden.chunks_mut(count)) {
                let before = hidden.to_vec();
                let row = |gate: usize, unit: usize| self.places[gate] * count + unit;
                let gate = |gate: usize, unit: usize| {
                    gate_function.of(self.weights.input(row(gate, unit), x) + self.weights.state(row(gate, unit), &before))
                };
                let reset: Vec<f64> = (0..count).map(|unit| gate(1, unit)).collect();
                let kept: Vec<f64> = reset.iter().zip(&before).map(|(reset, state)| reset * state).collect();
                for unit in 0..count {
                    let row = row(2, unit);
                    let recurrent =
                        if self.reset_after { reset[unit] * self.weights.state(row, &before) } else { self.weights.state(row, &kept) };
                    let (new, update) = (new_function.of(self.weights.input(row, x) + recurrent), gate(0, unit));
                    hidden[unit] = update * before[unit] + (1.0 - update) * new;
                }
            }
        }
    }

    pub(super) fn gru_cell(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        let mut hidden = arguments.numbers("hidden_state");
        Network::new(arguments, 0, 1).step(&arguments.numbers("input"), &mut hidden);
        outputs[0].store(&hidden);
    }

    pub(super) fn gru(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        let Ok(directions) = directions(arguments) else { unreachable!("the rule checked it") };
        let (input, steps) = (arguments.numbers("input"), arguments.int("steps"));
        let length = outputs[0].descriptor.element_count();
        let mut hidden = arguments.optional_numbers("initial_hidden_state").unwrap_or_else(|| vec![0.0; length]);
        let state = length / directions.len();
        let mut sequence = vec![0.0; steps * length];
        for (index, backwards) in directions.iter().enumerate() {
            let network = Network::new(arguments, index, directions.len());
            let hidden = &mut hidden[index * state..][..state];
            for step in 0..steps {
                let step = if *backwards { steps - 1 - step } else { step };
                network.step(part(&input, step, steps), hidden);
                sequence[(step * directions.len() + index) * state..][..state].copy_from_slice(hidden);
            }
        }
        outputs.iter_mut().zip([&hidden, &sequence]).for_each(|(output, numbers)| output.store(numbers));
    }
}

#[cfg(feature = "webgpu")]
mod wgsl {
    use super::cell;
    use crate::backends::webgpu::{Emitter, recurrent};
    use crate::error::Result;
    use crate::ops::recurrent::directions;

    pub(super) fn gru(emitter: &mut Emitter<'_>) -> Result<()> {
        let directions = directions(emitter).map_err(|reason| emitter.refuse(reason))?;
        network(emitter, directions, emitter.int("steps"), "initial_hidden_state")
    }

    pub(super) fn gru_cell(emitter: &mut Emitter<'_>) -> Result<()> {
        network(emitter, &[false], 1, "hidden_state")
    }

    fn network(emitter: &mut Emitter<'_>, directions: &[bool], steps: usize, hidden: &str) -> Result<()> {
        let (places, [gate_function, new_function]) = cell(emitter).map_err(|reason| emitter.refuse(reason))?;
        let reset_after = emitter.bool("reset_after");
        recurrent::emit(emitter, directions, steps, 3, &[hidden], &|walk, _| {
            let [z, r, n] = places.map(|gate| walk.place(gate));
            let gate = |row: &str| {
                format!(
                    "{{ {}let x = sum + {}; set_gate(mine + {row}, {}); }}\n",
                    walk.dot(row, "state(own + k)"),
                    walk.product(row),
                    gate_function.wgsl("x")
                )
            };
            let mut gates = gate(&z) + &gate(&r);
            // The new state is written once all units have read the old one.
            let reset = if reset_after {
                gates += &format!("{{ {}set_gate(mine + {n}, sum); }}\n", walk.dot(&n, "state(own + k)"));
                format!("let x = {} + gate(mine + {r}) * gate(mine + {n});\n", walk.product(&n))
            } else {
                let state = format!("gate(mine + {}u + k) * state(own + k)", places[1] * walk.hidden_size);
                format!("{}let x = {} + sum;\n", walk.dot(&n, &state), walk.product(&n))
            };
            let new = format!(
                "{reset}let z = gate(mine + {z});\nset_gate(mine + {n}, z * state(own + u) + (1.0 - z) * {});\n",
                new_function.wgsl("x")
            );
            let last = format!("let h = gate(mine + {n});\nset_state(own + u, h);\n{}", walk.keep());
            [gates, new, last].map(|body| walk.each(walk.hidden_size, &body)).concat()
        })
    }
}

//! Long short-term memory: a sequence, and one step of it.

use super::recurrent::{Activation, activations, directions, expect, gates, hidden, sequence, single};
use super::rule::{FLOATS, one_of};
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// A sequence through a network with gates `i`, `o`, `f` and `g`: the last hidden state, the last cell state, and where asked all hidden states.
    ///
    /// Each step is that of `lstm_cell`.
    ///
    /// **Shapes** `input: [steps, batch, size]`, `weight: [directions, 4·hidden, size]`, `recurrent_weight: [directions, 4·hidden, hidden]` →
    /// two of `[directions, batch, hidden]`, and `[steps, directions, batch, hidden]`.
    /// **Types** float32, float16; all of one type.
    /// **Errors** shapes that do not agree; no steps; an unknown direction, layout or activation function.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-lstm>
    lstm "lstm" LSTM (input: operand, weight: operand, recurrent_weight: operand, steps: int, hidden_size: int) -> list
    options LstmOptions {
        /// `[directions, 4·hidden]`, added to the products with the input; 0 if absent.
        bias: operand,
        /// `[directions, 4·hidden]`, added to the products with the hidden state; 0 if absent.
        recurrent_bias: operand,
        /// `[directions, 3·hidden]`, factors of the cell state in the gates `i`, `o`, `f`; 0 if absent.
        peephole_weight: operand,
        /// `[directions, batch, hidden]`; 0 if absent.
        initial_hidden_state: operand,
        /// `[directions, batch, hidden]`; 0 if absent.
        initial_cell_state: operand,
        /// Give all hidden states too.
        return_sequence: bool = false,
        /// `forward`, `backward` or `both`.
        direction: text = "forward",
        /// The order of the gates in the weights: `iofg` or `ifgo`.
        layout: text = "iofg",
        /// Three of `relu`, `sigmoid`, `tanh`: of the gates, of `g`, of the cell state; sigmoid, tanh, tanh if absent.
        activations: texts,
    }
    rule rule;
    kernel kernels::lstm;
    wgsl wgsl::lstm;
}

operator! {
    /// One step of `lstm`: the hidden state and the cell state after it.
    ///
    /// `i, o, f = σ(x·Wᵀ + h·Rᵀ + b + p * c)`, `g = tanh(x·Wᵀ + h·Rᵀ + b)`, `c' = f * c + i * g`, `h' = o * tanh(c')`
    ///
    /// **Shapes** `input: [batch, size]`, `weight: [4·hidden, size]`, `recurrent_weight: [4·hidden, hidden]`, states `[batch, hidden]` →
    /// two of `[batch, hidden]`.
    /// **Types** float32, float16; all of one type.
    /// **Errors** shapes that do not agree; an unknown layout or activation function.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-lstmcell>
    lstm_cell "lstmCell" LSTM_CELL
        (input: operand, weight: operand, recurrent_weight: operand, hidden_state: operand, cell_state: operand, hidden_size: int) -> list
    options LstmCellOptions {
        /// `[4·hidden]`, added to the products with the input; 0 if absent.
        bias: operand,
        /// `[4·hidden]`, added to the products with the hidden state; 0 if absent.
        recurrent_bias: operand,
        /// `[3·hidden]`, factors of the cell state in the gates `i`, `o`, `f`; 0 if absent.
        peephole_weight: operand,
        /// The order of the gates in the weights: `iofg` or `ifgo`.
        layout: text = "iofg",
        /// Three of `relu`, `sigmoid`, `tanh`: of the gates, of `g`, of the cell state; sigmoid, tanh, tanh if absent.
        activations: texts,
    }
    rule cell_rule;
    kernel kernels::lstm_cell;
    wgsl wgsl::lstm_cell;
}

/// The places of the gates `i`, `o`, `f`, `g` in the weights, and the three functions.
pub(crate) fn cell(call: &Call<'_>) -> Result<([usize; 4], [Activation; 3]), String> {
    Ok((gates(call, "iofg", ["iofg", "ifgo"])?, activations(call, [Activation::Sigmoid, Activation::Tanh, Activation::Tanh])?))
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    cell(call)?;
    let ([steps, batch, size], [hidden, rows], count) = (sequence(call)?, hidden(call, 4)?, directions(call)?.len());
    let state = [count, batch, hidden];
    expect(call, &[
        ("weight", &[count, rows, size]),
        ("recurrent_weight", &[count, rows, hidden]),
        ("bias", &[count, rows]),
        ("recurrent_bias", &[count, rows]),
        ("peephole_weight", &[count, 3 * hidden]),
        ("initial_hidden_state", &state),
        ("initial_cell_state", &state),
    ])?;
    let output = |shape: &[usize]| OperandDescriptor { data_type: input.data_type, shape: shape.to_vec() };
    let mut outputs = vec![output(&state), output(&state)];
    if call.bool("return_sequence") {
        outputs.push(output(&[steps, count, batch, hidden]));
    }
    Ok(outputs)
}

fn cell_rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    one_of(input, "input", FLOATS)?;
    cell(call)?;
    let ([batch, size], [hidden, rows]) = (single(call)?, hidden(call, 4)?);
    let state = [batch, hidden];
    expect(call, &[
        ("weight", &[rows, size]),
        ("recurrent_weight", &[rows, hidden]),
        ("hidden_state", &state),
        ("cell_state", &state),
        ("bias", &[rows]),
        ("recurrent_bias", &[rows]),
        ("peephole_weight", &[3 * hidden]),
    ])?;
    let output = OperandDescriptor { data_type: input.data_type, shape: state.to_vec() };
    Ok(vec![output.clone(), output])
}

#[cfg(feature = "cpu")]
mod kernels {
    use super::super::recurrent::{Weights, directions, part};
    use super::{Activation, cell};
    use crate::backends::cpu::{Arguments, Output};

    /// One direction.
    struct Network {
        weights: Weights,
        peephole: Option<Vec<f64>>,
        places: [usize; 4],
        functions: [Activation; 3],
        hidden: usize,
    }

    impl Network {
        fn new(arguments: &Arguments<'_>, direction: usize, directions: usize) -> Self {
            let Ok((places, functions)) = cell(arguments) else { unreachable!("the rule checked it") };
            let peephole = arguments.optional_numbers("peephole_weight");
            Self {
                weights: Weights::new(arguments, direction, directions),
                peephole: peephole.map(|peephole| part(&peephole, direction, directions).to_vec()),
                places,
                functions,
                hidden: arguments.int("hidden_size"),
            }
        }

        /// Both states after the inputs `[batch, size]`.
        fn step(&self, input: &[f64], hidden: &mut [f64], cell: &mut [f64]) {
            let (count, [gate_function, cell_function, output_function]) = (self.hidden, self.functions);
            let size = input.len() * count / hidden.len();
            let states = hidden.chunks_mut(count).zip(cell.chunks_mut(count));
            for (x, (hidden, cell)) in input.chunks(size).zip(states) {
                let before = hidden.to_vec();
                for unit in 0..count {
                    let sum = |gate: usize| {
                        let row = self.places[gate] * count + unit;
                        self.weights.input(row, x) + self.weights.state(row, &before)
                    };
                    let peep = |gate: usize| self.peephole.as_ref().map_or(0.0, |peephole| peephole[gate * count + unit] * cell[unit]);
                    let [i, o, f] = [0, 1, 2].map(|gate| gate_function.of(sum(gate) + peep(gate)));
                    let g = cell_function.of(sum(3));
                    cell[unit] = f * cell[unit] + i * g;
                    hidden[unit] = o * output_function.of(cell[unit]);
                }
            }
        }
    }

    pub(super) fn lstm_cell(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        let (mut hidden, mut cell) = (arguments.numbers("hidden_state"), arguments.numbers("cell_state"));
        Network::new(arguments, 0, 1).step(&arguments.numbers("input"), &mut hidden, &mut cell);
        outputs[0].store(&hidden);
        outputs[1].store(&cell);
    }

    pub(super) fn lstm(arguments: &Arguments<'_>, outputs: &mut [Output<'_>]) {
        let Ok(directions) = directions(arguments) else { unreachable!("the rule checked it") };
        let (input, steps) = (arguments.numbers("input"), arguments.int("steps"));
        let length = outputs[0].descriptor.element_count();
        let [mut hidden, mut cell] =
            ["initial_hidden_state", "initial_cell_state"].map(|name| arguments.optional_numbers(name).unwrap_or_else(|| vec![0.0; length]));
        let state = length / directions.len();
        let mut sequence = vec![0.0; steps * length];
        for (index, backwards) in directions.iter().enumerate() {
            let network = Network::new(arguments, index, directions.len());
            let (hidden, cell) = (&mut hidden[index * state..][..state], &mut cell[index * state..][..state]);
            for step in 0..steps {
                let step = if *backwards { steps - 1 - step } else { step };
                network.step(part(&input, step, steps), hidden, cell);
                sequence[(step * directions.len() + index) * state..][..state].copy_from_slice(hidden);
            }
        }
        outputs.iter_mut().zip([&hidden, &cell, &sequence]).for_each(|(output, numbers)| output.store(numbers));
    }
}

#[cfg(feature = "webgpu")]
mod wgsl {
    use super::cell;
    use crate::backends::webgpu::{Emitter, recurrent};
    use crate::error::Result;
    use crate::ops::recurrent::directions;

    pub(super) fn lstm(emitter: &mut Emitter<'_>) -> Result<()> {
        let directions = directions(emitter).map_err(|reason| emitter.refuse(reason))?;
        network(emitter, directions, emitter.int("steps"), ["initial_hidden_state", "initial_cell_state"])
    }

    pub(super) fn lstm_cell(emitter: &mut Emitter<'_>) -> Result<()> {
        network(emitter, &[false], 1, ["hidden_state", "cell_state"])
    }

    fn network(emitter: &mut Emitter<'_>, directions: &[bool], steps: usize, states: [&str; 2]) -> Result<()> {
        let (places, [gate_function, cell_function, output_function]) = cell(emitter).map_err(|reason| emitter.refuse(reason))?;
        let peephole = emitter.optional("peephole_weight")?;
        recurrent::emit(emitter, directions, steps, 4, &states, &|walk, shader| {
            if let Some(peephole) = &peephole {
                shader.read("peephole", peephole, 1);
            }
            let hidden = walk.hidden_size;
            let sum = |gate: usize| format!("gate(mine + {})", walk.place(places[gate]));
            let peeped = |gate: usize| match peephole {
                Some(_) => format!("{} + peephole({}u + u) * c", sum(gate), (walk.direction * 3 + gate) * hidden),
                None => sum(gate),
            };
            let row = format!("{}set_gate(mine + u, sum + {});\n", walk.dot("u", "state(own + k)"), walk.product("u"));
            let body = format!(
                "let c = cell(own + u);\nlet xi = {};\nlet xo = {};\nlet xf = {};\nlet xg = {};\n\
                 let next = {} * c + {} * {};\nset_cell(own + u, next);\nlet h = {} * {};\nset_state(own + u, h);\n{}",
                peeped(0),
                peeped(1),
                peeped(2),
                sum(3),
                gate_function.wgsl("xf"),
                gate_function.wgsl("xi"),
                cell_function.wgsl("xg"),
                gate_function.wgsl("xo"),
                output_function.wgsl("next"),
                walk.keep(),
            );
            walk.each(walk.rows, &row) + &walk.each(hidden, &body)
        })
    }
}

//! LSTM and GRU: the products of all inputs come first, as one matrix product; then one workgroup for each sequence of a batch walks the
//! steps. Its states lie in memory that only it touches, so barriers of the workgroup are enough. What a step does is in the operators' files.

use super::super::emitter::Emitter;
use super::super::shader::{Shader, Tensor, fold};
use super::super::storage::Storage;
use super::element::{Form, convert};
use crate::error::Result;
use crate::ops::recurrent::Activation;

const LANES: usize = 64;

impl Activation {
    /// Its value in WGSL.
    pub(crate) fn wgsl(self, value: &str) -> String {
        match self {
            Activation::Relu => format!("select({value}, 0.0, {value} < 0.0)"),
            Activation::Sigmoid => format!("m_sigmoid({value})"),
            Activation::Tanh => format!("m_tanh({value})"),
        }
    }
}

/// One direction of a network. A step sees `state(own + u)` and, of an LSTM, `cell(own + u)` of unit `u`; `gate(mine + row)` is its memory.
pub(crate) struct Walk {
    pub(crate) direction: usize,
    directions: usize,
    batch: usize,
    /// Rows of the weights: units of all gates.
    pub(crate) rows: usize,
    pub(crate) hidden_size: usize,
    biased: bool,
    sequence: bool,
}

impl Walk {
    /// Statements for every `u` below `count`, after which all invocations meet.
    pub(crate) fn each(&self, count: usize, body: &str) -> String {
        format!("for (var u = lane; u < {count}u; u += {LANES}u) {{\n{body}}}\nstorageBarrier();\n")
    }

    /// `sum`: a row of the recurrent weights times `state`, which is written in `k`, and the bias.
    pub(crate) fn dot(&self, row: &str, state: &str) -> String {
        let (hidden, first) = (self.hidden_size, self.direction * self.rows);
        let bias = if self.biased { format!("sum += recurrent_bias({first}u + {row});\n") } else { String::new() };
        format!(
            "var sum = 0.0;\nfor (var k = 0u; k < {hidden}u; k++) {{ sum += recurrent(({first}u + {row}) * {hidden}u + k) * {state}; }}\n{bias}"
        )
    }

    /// A row of the input weights times the step's input, with the bias.
    pub(crate) fn product(&self, row: &str) -> String {
        format!("products(inputs + {row})")
    }

    /// The row of unit `u` of a gate.
    pub(crate) fn place(&self, gate: usize) -> String {
        format!("{}u + u", gate * self.hidden_size)
    }

    /// The step's state `h` among all of the sequence.
    pub(crate) fn keep(&self) -> String {
        if !self.sequence {
            return String::new();
        }
        let (directions, direction, batch, hidden) = (self.directions, self.direction, self.batch, self.hidden_size);
        format!("set_sequence(((t * {directions}u + {direction}u) * {batch}u + b) * {hidden}u + u, h);\n")
    }
}

/// The dispatches of a network over a sequence; a cell is one of one step. `states` are the parameters of the states at the start, in the
/// order of the outputs that they end as; zeros where they are absent. `update` is what one step does, and declares what else it reads.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    directions: &[bool],
    steps: usize,
    gates: usize,
    states: &[&str],
    update: &dyn Fn(&Walk, &mut Shader<'_>) -> String,
) -> Result<()> {
    let shape = &emitter.operand("input").shape;
    let (batch, hidden_size) = (shape[shape.len() - 2], emitter.int("hidden_size"));
    let rows = gates * hidden_size;
    // Outputs of float32 are memory enough.
    let results = emitter.outputs.iter().map(|output| emitter.value(*output)).collect::<Result<Vec<_>>>()?;
    let kept: Vec<Tensor> = results.iter().map(|result| emitter.written(result)).collect();
    for (name, kept) in states.iter().zip(&kept) {
        match emitter.optional(name)? {
            Some(initial) => emitter.push(convert(&initial, kept, emitter.options, emitter.label)?),
            None => emitter.element(emitter.shader(), kept, Form::One, "fn element(i: u32) -> f32 { return 0.0; }\n")?,
        }
    }
    let products = emitter.scratch(Storage::F32, directions.len() * steps * batch * rows);
    input_products(emitter, &products, [steps, batch, rows], shape[shape.len() - 1])?;
    let gate = emitter.scratch(Storage::F32, batch * rows);
    let (recurrent_weight, recurrent_bias) = (emitter.tensor("recurrent_weight")?, emitter.optional("recurrent_bias")?);
    let sequence = kept.get(states.len());
    for (direction, backwards) in directions.iter().enumerate() {
        let (directions, biased) = (directions.len(), recurrent_bias.is_some());
        let walk = Walk { direction, directions, batch, rows, hidden_size, biased, sequence: sequence.is_some() };
        let mut shader = emitter.shader();
        shader.read("recurrent", &recurrent_weight, 1);
        shader.turns([steps, rows.div_ceil(LANES), hidden_size].into_iter().fold(1, usize::saturating_mul));
        shader.read("products", &products, 1);
        // Both read and written: one binding serves both.
        for (name, tensor) in ["state", "cell"].into_iter().zip(&kept[..states.len()]).chain([("gate", &gate)]) {
            shader.read(name, tensor, 1);
            shader.write(name, tensor, 1);
        }
        if let Some(bias) = &recurrent_bias {
            shader.read("recurrent_bias", bias, 1);
        }
        if let Some(sequence) = sequence {
            shader.write("sequence", sequence, 1);
        }
        let update = update(&walk, &mut shader);
        let (workgroups, columns) = fold(batch, emitter.options.max_workgroups);
        let t = if *backwards { format!("{}u - step", steps - 1) } else { String::from("step") };
        let text = format!(
            "@compute @workgroup_size({LANES}) fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{\n\
             let b = group.x + group.y * {columns}u;\nif (b >= {batch}u) {{ return; }}\n\
             let own = ({}u + b) * {hidden_size}u;\nlet mine = b * {rows}u;\n\
             for (var step = 0u; step < {steps}u; step++) {{\nlet t = {t};\nlet inputs = (({}u + t) * {batch}u + b) * {rows}u;\n{update}}}\n}}\n",
            direction * batch,
            direction * steps,
        );
        emitter.push(shader.finish(&text, workgroups)?);
    }
    kept.iter().zip(&results).try_for_each(|(kept, result)| emitter.narrow(kept, result))
}

/// `products[d, t, b, r] = input[t, b] · weight[d, r] + bias[d, r]`
fn input_products(emitter: &mut Emitter<'_>, products: &Tensor, [steps, batch, rows]: [usize; 3], size: usize) -> Result<()> {
    let mut shader = emitter.shader();
    let mut body = format!(
        "fn element(i: u32) -> f32 {{\nlet row = i / {}u * {rows}u + i % {rows}u;\nlet place = i / {rows}u % {}u;\nvar sum = 0.0;\n",
        steps * batch * rows,
        steps * batch
    );
    if size > 0 {
        shader.read("input", &emitter.tensor("input")?, 1);
        shader.read("weights", &emitter.tensor("weight")?, 1);
        shader.turns(size);
        body.push_str(&format!(
            "for (var k = 0u; k < {size}u; k++) {{ sum += input(place * {size}u + k) * weights(row * {size}u + k); }}\n"
        ));
    }
    if let Some(bias) = emitter.optional("bias")? {
        shader.read("bias", &bias, 1);
        body.push_str("sum += bias(row);\n");
    }
    body.push_str("return sum;\n}\n");
    emitter.element(shader, products, Form::One, &body)
}

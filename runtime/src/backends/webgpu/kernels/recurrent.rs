//! LSTM and GRU: the products of all inputs come first, as one matrix product; then one workgroup for each sequence of a batch walks the
//! steps. Its states lie in memory that only it touches, so barriers of the workgroup are enough.

use std::fmt::Write;

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor, fold};
use super::element::{Form, convert, element};
use crate::error::Result;
use crate::ops::recurrent::Activation;

/// Which network, its gates' places in the weights and its functions.
pub(in crate::backends::webgpu) enum Cell<'a> {
    Lstm { places: [usize; 4], functions: [Activation; 3], peephole: Option<&'a Tensor>, cell: State<'a> },
    Gru { places: [usize; 3], functions: [Activation; 2], reset_after: bool },
}

/// A state: where it comes from, zeros if absent, and the memory in which it is kept, `[directions, batch, hidden]` of float32.
#[derive(Clone, Copy)]
pub(in crate::backends::webgpu) struct State<'a> {
    pub(in crate::backends::webgpu) initial: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) kept: &'a Tensor,
}

impl State<'_> {
    fn start(&self, options: &Options, label: &str) -> Result<Dispatch> {
        match self.initial {
            Some(initial) => convert(initial, self.kept, options, label),
            None => element(Shader::new(options, label), self.kept, Form::One, "fn element(i: u32) -> f32 { return 0.0; }\n", options),
        }
    }
}

/// A network over a sequence; a cell is one of one step.
pub(in crate::backends::webgpu) struct Recurrent<'a> {
    pub(in crate::backends::webgpu) cell: Cell<'a>,
    /// `[steps, batch, size]`
    pub(in crate::backends::webgpu) input: &'a Tensor,
    /// `[directions, gates · hidden, size]`, and `[directions, gates · hidden, hidden]`.
    pub(in crate::backends::webgpu) weight: &'a Tensor,
    pub(in crate::backends::webgpu) recurrent_weight: &'a Tensor,
    /// `[directions, gates · hidden]`
    pub(in crate::backends::webgpu) bias: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) recurrent_bias: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) hidden: State<'a>,
    /// `[directions, steps, batch, gates · hidden]` of float32: the products of the inputs.
    pub(in crate::backends::webgpu) products: &'a Tensor,
    /// Memory of `[batch, gates · hidden]` of float32.
    pub(in crate::backends::webgpu) gates: &'a Tensor,
    /// `[steps, directions, batch, hidden]` of float32.
    pub(in crate::backends::webgpu) sequence: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) steps: usize,
    pub(in crate::backends::webgpu) batch: usize,
    pub(in crate::backends::webgpu) size: usize,
    pub(in crate::backends::webgpu) hidden_size: usize,
    /// Which directions read backwards.
    pub(in crate::backends::webgpu) directions: &'a [bool],
}

fn function(activation: Activation, value: &str) -> String {
    match activation {
        Activation::Relu => format!("select({value}, 0.0, {value} < 0.0)"),
        Activation::Sigmoid => format!("m_sigmoid({value})"),
        Activation::Tanh => format!("m_tanh({value})"),
    }
}

impl Recurrent<'_> {
    fn rows(&self) -> usize {
        let gates = if matches!(self.cell, Cell::Lstm { .. }) { 4 } else { 3 };
        gates * self.hidden_size
    }

    /// `products[d, t, b, r] = input[t, b] · weight[d, r] + bias[d, r]`, then one dispatch a direction.
    pub(in crate::backends::webgpu) fn dispatches(&self, options: &Options, label: &str) -> Result<Vec<Dispatch>> {
        let mut dispatches = vec![self.hidden.start(options, label)?, self.input_products(options, label)?];
        if let Cell::Lstm { cell, .. } = &self.cell {
            dispatches.push(cell.start(options, label)?);
        }
        for direction in 0..self.directions.len() {
            dispatches.push(self.walk(direction, options, label)?);
        }
        Ok(dispatches)
    }

    fn input_products(&self, options: &Options, label: &str) -> Result<Dispatch> {
        let (rows, size) = (self.rows(), self.size);
        let mut shader = Shader::new(options, label);
        let mut body = format!(
            "fn element(i: u32) -> f32 {{\nlet row = i / {}u * {rows}u + i % {rows}u;\nlet place = i / {rows}u % {}u;\n",
            self.steps * self.batch * rows,
            self.steps * self.batch
        );
        body.push_str("var sum = 0.0;\n");
        if size > 0 {
            shader.read("input", self.input, 1);
            shader.read("weights", self.weight, 1);
            let _ =
                writeln!(body, "for (var k = 0u; k < {size}u; k++) {{ sum += input(place * {size}u + k) * weights(row * {size}u + k); }}");
        }
        if let Some(bias) = self.bias {
            shader.read("bias", bias, 1);
            body.push_str("sum += bias(row);\n");
        }
        body.push_str("return sum;\n}\n");
        element(shader, self.products, Form::One, &body, options)
    }

    /// All steps of one direction.
    fn walk(&self, direction: usize, options: &Options, label: &str) -> Result<Dispatch> {
        const LANES: usize = 64;
        let (hidden, rows, batch, steps) = (self.hidden_size, self.rows(), self.batch, self.steps);
        let mut shader = Shader::new(options, label);
        shader.read("recurrent", self.recurrent_weight, 1);
        shader.read("products", self.products, 1);
        // Both read and written: one binding serves both.
        for (read, tensor) in [("state", self.hidden.kept), ("gate", self.gates)] {
            shader.read(read, tensor, 1);
            shader.write(read, tensor, 1);
        }
        if let Some(bias) = self.recurrent_bias {
            shader.read("recurrent_bias", bias, 1);
        }
        if let Some(sequence) = self.sequence {
            shader.write("sequence", sequence, 1);
        }
        if let Cell::Lstm { peephole, cell, .. } = &self.cell {
            shader.read("memory", cell.kept, 1);
            shader.write("memory", cell.kept, 1);
            if let Some(peephole) = peephole {
                shader.read("peephole", peephole, 1);
            }
        }
        let recurrent_bias = |row: &str| match self.recurrent_bias {
            Some(_) => format!("sum += recurrent_bias({}u + {row});\n", direction * rows),
            None => String::new(),
        };
        let each = |count: usize, body: &str| format!("for (var u = lane; u < {count}u; u += {LANES}u) {{\n{body}}}\nstorageBarrier();\n");
        let dot = |row: &str, state: &str| {
            format!(
                "var sum = 0.0;\nfor (var k = 0u; k < {hidden}u; k++) {{ sum += recurrent(({}u + {row}) * {hidden}u + k) * {state}; }}\n{}",
                direction * rows,
                recurrent_bias(row)
            )
        };
        let product = |row: &str| format!("products(inputs + {row})");
        let place = |gate: usize| format!("{}u + u", gate * hidden);
        let update = match &self.cell {
            Cell::Lstm { places, functions, peephole, .. } => {
                let peep = |gate: usize, cell: &str| match peephole {
                    Some(_) => format!(" + peephole({}u + u) * {cell}", direction * 3 * hidden + gate * hidden),
                    None => String::new(),
                };
                let sum = |gate: usize| format!("gate(mine + {})", place(places[gate]));
                let gates = each(rows, &format!("{}set_gate(mine + u, sum + {});\n", dot("u", "state(own + k)"), product("u")));
                let body = format!(
                    "let c = memory(own + u);\nlet xi = {}{};\nlet xo = {}{};\nlet xf = {}{};\nlet xg = {};\n\
                     let next = {} * c + {} * {};\nset_memory(own + u, next);\nlet h = {} * {};\nset_state(own + u, h);\n",
                    sum(0),
                    peep(0, "c"),
                    sum(1),
                    peep(1, "c"),
                    sum(2),
                    peep(2, "c"),
                    sum(3),
                    function(functions[0], "xf"),
                    function(functions[0], "xi"),
                    function(functions[1], "xg"),
                    function(functions[0], "xo"),
                    function(functions[2], "next"),
                );
                format!("{gates}{}", each(hidden, &(body + &self.keep(direction))))
            }
            Cell::Gru { places, functions, reset_after } => {
                let [z, r, n] = places.map(place);
                let gate = |row: &str| {
                    format!(
                        "{{ {}let x = sum + {}; set_gate(mine + {row}, {}); }}\n",
                        dot(row, "state(own + k)"),
                        product(row),
                        function(functions[0], "x")
                    )
                };
                let mut gates = gate(&z) + &gate(&r);
                if *reset_after {
                    let _ = writeln!(gates, "{{ {}set_gate(mine + {n}, sum); }}", dot(&n, "state(own + k)"));
                }
                // The new state is written once all units have read the old one.
                let reset = if *reset_after {
                    format!("let x = {} + gate(mine + {r}) * gate(mine + {n});\n", product(&n))
                } else {
                    let reset_place = format!("{}u + k", places[1] * hidden);
                    format!("{}let x = {} + sum;\n", dot(&n, &format!("gate(mine + {reset_place}) * state(own + k)")), product(&n))
                };
                let new = format!(
                    "{reset}let z = gate(mine + {z});\nset_gate(mine + {n}, z * state(own + u) + (1.0 - z) * {});\n",
                    function(functions[1], "x")
                );
                let last = format!("let h = gate(mine + {n});\nset_state(own + u, h);\n{}", self.keep(direction));
                format!("{}{}{}", each(hidden, &gates), each(hidden, &new), each(hidden, &last))
            }
        };
        let (workgroups, columns) = fold(batch, options.max_workgroups);
        let t = if self.directions[direction] { format!("{}u - step", steps - 1) } else { String::from("step") };
        let text = format!(
            "@compute @workgroup_size({LANES}) fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{\n\
             let b = group.x + group.y * {columns}u;\nif (b >= {batch}u) {{ return; }}\n\
             let own = ({}u + b) * {hidden}u;\nlet mine = b * {rows}u;\n\
             for (var step = 0u; step < {steps}u; step++) {{\nlet t = {t};\nlet inputs = (({}u + t) * {batch}u + b) * {rows}u;\n{update}}}\n}}\n",
            direction * batch,
            direction * steps,
        );
        shader.finish(&text, workgroups)
    }

    /// The step's state among all of the sequence.
    fn keep(&self, direction: usize) -> String {
        if self.sequence.is_none() {
            return String::new();
        }
        let (directions, batch, hidden) = (self.directions.len(), self.batch, self.hidden_size);
        format!("set_sequence(((t * {directions}u + {direction}u) * {batch}u + b) * {hidden}u + u, h);\n")
    }
}

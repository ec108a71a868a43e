//! Random graphs: every operator of the runtime, with arguments that its rule mostly accepts. What it refuses is left out.

use std::collections::BTreeMap;

use half::f16;
use ipfs_accelerate_runtime::graph::{Argument, GraphBuilder, Kind, OPERATORS, Operator};
use ipfs_accelerate_runtime::{DataType, Graph, Operand, OperandDescriptor, Tensor};

pub(super) struct Case {
    pub(super) graph: Graph,
    pub(super) inputs: BTreeMap<String, Tensor>,
}

/// The graph of a seed. Variant 0 has the data of the seed, the others the same moved by a few roundings.
pub(super) fn case(seed: u64, variant: u64) -> Case {
    (0..).find_map(|attempt| attempt_case(seed, attempt, variant)).unwrap_or_else(|| unreachable!("some attempt makes a graph"))
}

fn attempt_case(seed: u64, attempt: u64, variant: u64) -> Option<Case> {
    // Mixed: the stream of a state that lies a step further on is the same stream.
    let random = Random(Random(seed).next() ^ attempt.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let mut maker = Maker {
        random,
        moves: Random(Random(variant).next() ^ seed),
        variant,
        builder: GraphBuilder::new(),
        pool: Vec::new(),
        inputs: BTreeMap::new(),
        special: false,
        clean: false,
    };
    maker.special = maker.random.one_in(4);
    let count = 1 + maker.random.below(6);
    for _ in 0..count {
        let operator = OPERATORS[maker.random.below(OPERATORS.len())];
        maker.node(operator);
    }
    let made: Vec<Operand> = maker.pool.iter().rev().filter(|(_, node)| *node).map(|(operand, _)| operand.clone()).take(3).collect();
    for (index, operand) in made.iter().enumerate() {
        maker.builder.output(&format!("output {index}"), operand).ok()?;
    }
    let graph = maker.builder.build().ok()?;
    let inputs = maker.inputs.into_iter().filter(|(name, _)| graph.inputs().iter().any(|(known, _)| known == name)).collect();
    Some(Case { graph, inputs })
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// In -1..1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

struct Maker {
    random: Random,
    moves: Random,
    variant: u64,
    builder: GraphBuilder,
    /// Operands, and whether a node made them.
    pool: Vec<(Operand, bool)>,
    inputs: BTreeMap<String, Tensor>,
    /// NaN and infinities among the data.
    special: bool,
    /// The operand being made is of small whole numbers above 0.
    clean: bool,
}

const FLOATS: &[DataType] = &[DataType::Float32, DataType::Float32, DataType::Float32, DataType::Float16];
const INDICES: &[DataType] = &[DataType::Int32, DataType::Uint32, DataType::Int64];

impl Maker {
    fn node(&mut self, operator: &'static Operator) {
        // What a number that is none becomes here is for the implementation to say.
        let unsure = ["cast", "quantize_linear", "arg_min", "arg_max", "conv2d", "conv_transpose2d", "resample2d"];
        if self.special && unsure.contains(&operator.name) {
            return;
        }
        for _ in 0..6 {
            let named = self.arguments(operator).into_iter().map(|(name, argument)| (name.to_owned(), argument)).collect();
            let Ok(arguments) = operator.bind(vec![], named) else { continue };
            let Ok(outputs) = self.builder.call(operator, arguments) else { continue };
            let small = outputs.into_iter().filter(|operand| operand.descriptor().element_count() <= 4096);
            self.pool.extend(small.map(|operand| (operand, true)));
            return;
        }
    }

    fn shape(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).map(|_| self.random.pick(&[1, 1, 2, 3, 4, 5, 7])).collect()
    }

    /// A tensor of one of these types: what there is, or a new input or constant.
    fn any(&mut self, types: &[DataType]) -> Operand {
        let fits: Vec<Operand> =
            self.pool.iter().map(|(operand, _)| operand.clone()).filter(|operand| types.contains(&operand.data_type())).collect();
        if !fits.is_empty() && !self.random.one_in(3) {
            return self.random.pick(&fits);
        }
        let rank = self.random.below(5);
        let shape = self.shape(rank);
        self.fresh(types, &shape)
    }

    /// As [`Self::any`], of this rank.
    fn ranked(&mut self, types: &[DataType], rank: usize) -> Operand {
        let fits: Vec<Operand> = self
            .pool
            .iter()
            .map(|(operand, _)| operand.clone())
            .filter(|operand| types.contains(&operand.data_type()) && operand.shape().len() == rank)
            .collect();
        if !fits.is_empty() && !self.random.one_in(3) {
            return self.random.pick(&fits);
        }
        let shape = self.shape(rank);
        self.fresh(types, &shape)
    }

    /// As [`Self::any`], of this shape.
    fn shaped(&mut self, data_type: DataType, shape: &[usize]) -> Operand {
        let fits: Vec<Operand> = self
            .pool
            .iter()
            .map(|(operand, _)| operand.clone())
            .filter(|operand| operand.data_type() == data_type && operand.shape() == shape)
            .collect();
        if !fits.is_empty() && self.random.one_in(2) { self.random.pick(&fits) } else { self.fresh(&[data_type], shape) }
    }

    /// A tensor that broadcasts with a shape.
    fn broadcast(&mut self, data_type: DataType, shape: &[usize]) -> Operand {
        let skip = if self.random.one_in(3) { self.random.below(shape.len() + 1) } else { 0 };
        let shape: Vec<usize> = shape[skip..].iter().map(|size| if self.random.one_in(4) { 1 } else { *size }).collect();
        self.shaped(data_type, &shape)
    }

    fn fresh(&mut self, types: &[DataType], shape: &[usize]) -> Operand {
        let data_type = self.random.pick(types);
        let descriptor = OperandDescriptor::new(data_type, shape).unwrap_or_else(|error| unreachable!("small: {error}"));
        let tensor = self.data(descriptor);
        let operand = if self.random.one_in(4) {
            self.builder.constant(tensor.descriptor().clone(), tensor.bytes())
        } else {
            let name = format!("input {}", self.inputs.len());
            self.inputs.insert(name.clone(), tensor.clone());
            self.builder.input(&name, tensor.descriptor().clone())
        };
        let operand = operand.unwrap_or_else(|error| unreachable!("a small tensor under a new name: {error}"));
        self.pool.push((operand.clone(), false));
        operand
    }

    fn data(&mut self, descriptor: OperandDescriptor) -> Tensor {
        let data_type = descriptor.data_type;
        let (coarse, special) = (self.random.one_in(2), self.special && self.random.one_in(2));
        let mut bytes = Vec::new();
        for _ in 0..descriptor.element_count() {
            let unit = self.random.unit();
            let mut number = if coarse { (unit * 16.0).round() / 4.0 } else { unit * 3.0 };
            if self.clean {
                number = 1.0 + (unit.abs() * 3.0).floor();
            }
            if special && !self.clean && self.random.one_in(5) {
                number = self.random.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-15, 1e15]);
            }
            if self.variant > 0 && data_type.is_float() {
                let step = if data_type == DataType::Float16 { 2f64.powi(-9) } else { 2f64.powi(-17) };
                let sign = match self.variant {
                    1 => 1.0,
                    2 => -1.0,
                    _ => self.moves.unit().signum(),
                };
                number += number * step * sign;
            }
            let whole = (number * 4.0) as i64;
            let whole = if self.clean { number as i64 } else { whole };
            match data_type {
                DataType::Float32 => bytes.extend((number as f32).to_le_bytes()),
                DataType::Float16 => bytes.extend(f16::from_f64(number).to_le_bytes()),
                DataType::Int32 => bytes.extend((whole as i32).to_le_bytes()),
                DataType::Uint32 => bytes.extend((whole.unsigned_abs() as u32).to_le_bytes()),
                DataType::Int64 => bytes.extend(whole.to_le_bytes()),
                DataType::Uint64 => bytes.extend(whole.unsigned_abs().to_le_bytes()),
                DataType::Int8 | DataType::Uint8 | DataType::Int4 | DataType::Uint4 => bytes.push(whole as u8),
            }
        }
        bytes.truncate(descriptor.byte_length());
        Tensor::new(descriptor, &bytes).unwrap_or_else(|error| unreachable!("as many bytes: {error}"))
    }

    /// A new tensor of small whole numbers above 0.
    fn clean(&mut self, types: &[DataType], shape: &[usize]) -> Operand {
        self.clean = true;
        let operand = self.fresh(types, shape);
        self.clean = false;
        operand
    }

    fn axes(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|_| self.random.one_in(2)).collect()
    }

    /// A value for an option by its kind and name; nothing to leave it out.
    fn option(&mut self, kind: Kind, name: &str, rank: usize) -> Option<Argument> {
        if self.random.one_in(3) {
            return None;
        }
        Some(match (kind, name) {
            (Kind::Bool, _) => Argument::Bool(self.random.one_in(2)),
            (Kind::Float, "epsilon") => Argument::Float(self.random.pick(&[1e-5, 1e-3, 0.1])),
            (Kind::Float, "diagonal") => Argument::Float(self.random.below(5) as f64 - 2.0),
            (Kind::Float, "min_value") => Argument::Float(-1.0 - self.random.below(2) as f64),
            (Kind::Float, "max_value") => Argument::Float(self.random.below(3) as f64),
            (Kind::Float, _) => Argument::Float(self.random.pick(&[-1.5, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0])),
            (Kind::Int, "axis") => Argument::Int(self.random.below(rank)),
            (Kind::Ints, "axes") => Argument::Ints(self.axes(rank)),
            (Kind::Ints, "strides" | "dilations") => Argument::Ints(vec![1 + self.random.below(2), 1 + self.random.below(2)]),
            (Kind::Ints, "padding") => Argument::Ints((0..4).map(|_| self.random.below(3)).collect()),
            (Kind::Ints, "window_dimensions") => Argument::Ints(vec![1 + self.random.below(3), 1 + self.random.below(3)]),
            (Kind::Floats, _) => Argument::Floats(vec![self.random.pick(&[0.5, 1.0, 1.5, 2.0]), self.random.pick(&[0.6, 1.0, 3.0])]),
            (Kind::Text, "mode") => {
                Argument::Text(self.random.pick(&["constant", "edge", "reflection", "linear", "nearest-neighbor"]).into())
            }
            (Kind::Text, "output_shape_rounding") => Argument::Text(self.random.pick(&["floor", "ceil"]).into()),
            (Kind::Text, "direction") => Argument::Text(self.random.pick(&["forward", "backward", "both"]).into()),
            (Kind::Text, "layout") => Argument::Text(self.random.pick(&["nchw", "nhwc", "iofg", "ifgo", "zrn", "rzn"]).into()),
            (Kind::Text, "input_layout") => Argument::Text(self.random.pick(&["nchw", "nhwc"]).into()),
            (Kind::DataType, _) => Argument::DataType(self.random.pick(&[DataType::Int32, DataType::Int64])),
            _ => return None,
        })
    }

    #[allow(clippy::too_many_lines)] // A table: an arm per operator whose arguments hang together.
    fn arguments(&mut self, operator: &'static Operator) -> Vec<(&'static str, Argument)> {
        let all: Vec<DataType> = [FLOATS, FLOATS, &DataType::ALL].concat();
        let of = |operand: &Operand| Argument::Operand(operand.clone());
        let mut named: Vec<(&'static str, Argument)> = Vec::new();
        let mut rank = 0;
        match operator.name {
            "div" | "pow" => {
                let a = self.any(&all);
                let b = if a.data_type().is_float() {
                    self.broadcast(a.data_type(), a.shape())
                } else {
                    self.clean(&[a.data_type()], a.shape())
                };
                named.extend([("a", of(&a)), ("b", of(&b))]);
            }
            "prelu" => {
                let input = self.any(&all);
                let slope = self.broadcast(input.data_type(), input.shape());
                named.extend([("input", of(&input)), ("slope", of(&slope))]);
            }
            "logical_and" | "logical_or" | "logical_xor" => {
                let a = self.any(&[DataType::Uint8]);
                let b = self.broadcast(DataType::Uint8, a.shape());
                named.extend([("a", of(&a)), ("b", of(&b))]);
            }
            "logical_not" => named.push(("a", of(&self.any(&[DataType::Uint8])))),
            "is_nan" | "is_infinite" => named.push(("a", of(&self.any(FLOATS)))),
            "where_" => {
                let value = self.any(&all);
                let other = self.broadcast(value.data_type(), value.shape());
                let condition = self.broadcast(DataType::Uint8, value.shape());
                named.extend([("condition", of(&condition)), ("true_value", of(&value)), ("false_value", of(&other))]);
            }
            "cast" => {
                let input = self.any(&all);
                named.extend([("input", of(&input)), ("data_type", Argument::DataType(self.random.pick(&DataType::ALL)))]);
            }
            "concat" => {
                let first = self.any(&all);
                let axis = self.random.below(first.shape().len());
                let mut list = vec![first.clone()];
                for _ in 0..self.random.below(3) {
                    let mut shape = first.shape().to_vec();
                    if let Some(size) = shape.get_mut(axis) {
                        *size = 1 + self.random.below(3);
                    }
                    list.push(self.shaped(first.data_type(), &shape));
                }
                named.extend([("inputs", Argument::Operands(list)), ("axis", Argument::Int(axis))]);
            }
            "expand" => {
                let shape = {
                    let rank = self.random.below(5);
                    self.shape(rank)
                };
                let data_type = self.random.pick(&all);
                let input = self.broadcast(data_type, &shape);
                named.extend([("input", of(&input)), ("new_shape", Argument::Ints(shape))]);
            }
            "reshape" => {
                let input = self.any(&all);
                let mut shape = input.shape().to_vec();
                if self.random.one_in(2) && !shape.is_empty() {
                    let at = self.random.below(shape.len());
                    if shape[at].is_multiple_of(2) {
                        shape.splice(at..=at, [2, shape[at] / 2]);
                    } else if at + 1 < shape.len() {
                        let next = shape.remove(at + 1);
                        shape[at] *= next;
                    }
                }
                if self.random.one_in(2) {
                    shape.insert(self.random.below(shape.len() + 1), 1);
                }
                named.extend([("input", of(&input)), ("new_shape", Argument::Ints(shape))]);
            }
            "slice" => {
                let input = self.any(&all);
                let (mut starts, mut sizes, mut steps) = (vec![], vec![], vec![]);
                for size in input.shape() {
                    starts.push(self.random.below(*size));
                    sizes.push(1 + self.random.below(size - starts[starts.len() - 1]));
                    steps.push(1 + self.random.below(sizes[sizes.len() - 1].min(3)));
                }
                named.extend([
                    ("input", of(&input)),
                    ("starts", Argument::Ints(starts)),
                    ("sizes", Argument::Ints(sizes)),
                    ("strides", Argument::Ints(steps)),
                ]);
            }
            "split" => {
                let input = self.any(&all);
                let axis = self.random.below(input.shape().len());
                let size = input.shape().get(axis).copied().unwrap_or(1);
                let first = 1 + self.random.below(size);
                let splits = if first == size { vec![size] } else { vec![first, size - first] };
                named.extend([("input", of(&input)), ("splits", Argument::Ints(splits)), ("axis", Argument::Int(axis))]);
            }
            "tile" | "pad" | "transpose" => {
                let input = self.any(&all);
                rank = input.shape().len();
                let mut few = |least: usize| Argument::Ints((0..rank).map(|_| least + self.random.below(3)).collect());
                match operator.name {
                    "tile" => named.push(("repetitions", few(1))),
                    "pad" => named.extend([("beginning_padding", few(0)), ("ending_padding", few(0))]),
                    _ => {
                        let mut order: Vec<usize> = (0..rank).collect();
                        (1..rank).for_each(|place| order.swap(place, self.random.below(place + 1)));
                        named.push(("permutation", Argument::Ints(order)));
                    }
                }
                named.push(("input", of(&input)));
            }
            "gather" | "gather_elements" | "gather_nd" | "scatter_elements" | "scatter_nd" => {
                let input = self.any(&all);
                let (shape, rank) = (input.shape().to_vec(), input.shape().len());
                let axis = self.random.below(rank);
                let mut index_shape = match operator.name {
                    "gather" => {
                        let rank = self.random.below(3);
                        self.shape(rank)
                    }
                    "gather_nd" | "scatter_nd" => {
                        let rank = self.random.below(3);
                        self.shape(rank)
                    }
                    _ => shape.clone(),
                };
                if operator.name.ends_with("nd") {
                    index_shape.push(1 + self.random.below(rank));
                } else {
                    named.push(("axis", Argument::Int(axis)));
                    // Of several updates of one place the last stays on one device and any on another.
                    if let Some(size) = index_shape.get_mut(axis).filter(|_| operator.name == "scatter_elements") {
                        *size = 1;
                    }
                }
                if operator.name == "scatter_nd" {
                    index_shape = vec![1, index_shape[index_shape.len() - 1]];
                }
                let indices = self.fresh(INDICES, &index_shape);
                named.extend([("input", of(&input)), ("indices", of(&indices))]);
                if operator.name.starts_with("scatter") {
                    let updates = if operator.name == "scatter_nd" {
                        [&index_shape[..1], &shape[index_shape[1].min(rank)..]].concat()
                    } else {
                        index_shape
                    };
                    named.push(("updates", of(&self.shaped(input.data_type(), &updates))));
                }
            }
            "matmul" => {
                let data_type = self.random.pick(FLOATS);
                let batch = {
                    let rank = self.random.below(3);
                    self.shape(rank)
                };
                let [rows, inner, columns] = [0; 3].map(|_| 1 + self.random.below(9));
                let a = self.shaped(data_type, &[&batch[..], &[rows, inner]].concat());
                let kept = self.random.below(batch.len() + 1);
                let b = self.shaped(data_type, &[&batch[kept..], &[inner, columns]].concat());
                named.extend([("a", of(&a)), ("b", of(&b))]);
            }
            "gemm" => {
                let data_type = self.random.pick(FLOATS);
                let [rows, inner, columns] = [0; 3].map(|_| 1 + self.random.below(9));
                let [turn_a, turn_b] = [0; 2].map(|_| self.random.one_in(2));
                let a = self.shaped(data_type, &if turn_a { [inner, rows] } else { [rows, inner] });
                let b = self.shaped(data_type, &if turn_b { [columns, inner] } else { [inner, columns] });
                named.extend([
                    ("a", of(&a)),
                    ("b", of(&b)),
                    ("a_transpose", Argument::Bool(turn_a)),
                    ("b_transpose", Argument::Bool(turn_b)),
                ]);
                if self.random.one_in(2) {
                    named.push(("c", of(&self.broadcast(data_type, &[rows, columns]))));
                }
            }
            "conv2d" | "conv_transpose2d" => {
                let data_type = self.random.pick(FLOATS);
                let groups = 1 + self.random.below(3);
                let [inputs, outputs] = [0; 2].map(|_| 1 + self.random.below(3));
                let layout = self.random.pick(&["nchw", "nhwc"]);
                let [batch, height, width] = [1 + self.random.below(2), 1 + self.random.below(8), 1 + self.random.below(8)];
                let [rows, columns] = [0; 2].map(|_| 1 + self.random.below(3));
                let channels = inputs * groups;
                let image = if layout == "nchw" { [batch, channels, height, width] } else { [batch, height, width, channels] };
                let (layouts, first, second) = if operator.name == "conv2d" {
                    (&["oihw", "hwio", "ohwi", "ihwo"][..], outputs * groups, inputs)
                } else {
                    (&["iohw", "hwoi", "ohwi"][..], outputs, channels)
                };
                let filter_layout = self.random.pick(layouts);
                let size = |letter| match letter {
                    'o' => first,
                    'i' => second,
                    'h' => rows,
                    _ => columns,
                };
                let filter: Vec<usize> = filter_layout.chars().map(size).collect();
                let (input, filter) = (self.shaped(data_type, &image), self.shaped(data_type, &filter));
                named.extend([("input", of(&input)), ("filter", of(&filter)), ("groups", Argument::Int(groups))]);
                named.extend([("input_layout", Argument::Text(layout.into())), ("filter_layout", Argument::Text(filter_layout.into()))]);
                if self.random.one_in(2) {
                    named.push(("bias", of(&self.shaped(data_type, &[outputs * groups]))));
                }
            }
            "average_pool2d" | "l2_pool2d" | "max_pool2d" | "resample2d" => named.push(("input", of(&self.ranked(FLOATS, 4)))),
            "batch_normalization" | "layer_normalization" | "instance_normalization" => {
                let wanted = if operator.name == "instance_normalization" { 4 } else { 1 + self.random.below(4) };
                let input = self.ranked(FLOATS, wanted);
                let (data_type, axis) = (input.data_type(), self.random.below(wanted));
                named.push(("input", of(&input)));
                let sizes = match operator.name {
                    "batch_normalization" => {
                        let sizes = vec![input.shape()[axis]];
                        named.extend([("mean", of(&self.shaped(data_type, &sizes))), ("axis", Argument::Int(axis))]);
                        named.push(("variance", of(&self.clean(&[data_type], &sizes))));
                        sizes
                    }
                    "layer_normalization" => {
                        let axes = self.axes(wanted);
                        let sizes = axes.iter().map(|axis| input.shape()[*axis]).collect();
                        named.push(("axes", Argument::Ints(axes)));
                        sizes
                    }
                    _ => {
                        let layout = self.random.pick(&["nchw", "nhwc"]);
                        named.push(("layout", Argument::Text(layout.into())));
                        vec![input.shape()[if layout == "nchw" { 1 } else { 3 }]]
                    }
                };
                for name in ["scale", "bias"] {
                    if self.random.one_in(2) {
                        named.push((name, of(&self.shaped(data_type, &sizes))));
                    }
                }
            }
            "lstm" | "lstm_cell" | "gru" | "gru_cell" => {
                let data_type = self.random.pick(FLOATS);
                let [steps, batch, size, hidden] = [0; 4].map(|_| 1 + self.random.below(4));
                let direction = self.random.pick(&["forward", "backward", "both"]);
                let (gates, layouts) = if operator.name.starts_with("lstm") { (4, ["iofg", "ifgo"]) } else { (3, ["zrn", "rzn"]) };
                let count = if direction == "both" { 2 } else { 1 };
                let single = operator.name.ends_with("cell");
                let lead = if single { vec![] } else { vec![count] };
                let with = |rest: &[usize]| [&lead[..], rest].concat();
                let mut give =
                    |maker: &mut Self, name: &'static str, shape: Vec<usize>| named.push((name, of(&maker.shaped(data_type, &shape))));
                give(self, "input", if single { vec![batch, size] } else { vec![steps, batch, size] });
                give(self, "weight", with(&[gates * hidden, size]));
                give(self, "recurrent_weight", with(&[gates * hidden, hidden]));
                for (name, shape) in
                    [("bias", vec![gates * hidden]), ("recurrent_bias", vec![gates * hidden]), ("peephole_weight", vec![3 * hidden])]
                {
                    if operator.parameter(name).is_some() && self.random.one_in(2) {
                        give(self, name, with(&shape));
                    }
                }
                for name in ["hidden_state", "cell_state", "initial_hidden_state", "initial_cell_state"] {
                    if operator.parameter(name).is_some() && (single || self.random.one_in(2)) {
                        give(self, name, with(&[batch, hidden]));
                    }
                }
                named.extend([("hidden_size", Argument::Int(hidden)), ("layout", Argument::Text(self.random.pick(&layouts).into()))]);
                if !single {
                    named.extend([("steps", Argument::Int(steps)), ("direction", Argument::Text(direction.into()))]);
                }
                if self.random.one_in(3) {
                    let functions = ["relu", "sigmoid", "tanh"].map(String::from);
                    named.push(("activations", Argument::Texts((0..gates - 1).map(|_| self.random.pick(&functions)).collect())));
                }
            }
            "dequantize_linear" | "quantize_linear" => {
                let small = [DataType::Int8, DataType::Uint8, DataType::Int32, DataType::Uint32, DataType::Int4, DataType::Uint4];
                let input = if operator.name == "quantize_linear" { self.any(FLOATS) } else { self.any(&small) };
                let blocks: Vec<usize> = input.shape().iter().map(|size| if self.random.one_in(2) { 1 } else { *size }).collect();
                let (scale, zero) = if operator.name == "quantize_linear" {
                    (vec![input.data_type()], small.to_vec())
                } else {
                    (FLOATS.to_vec(), vec![input.data_type()])
                };
                let (scale, zero_point) = (self.clean(&scale, &blocks), self.fresh(&zero, &blocks));
                named.extend([("input", of(&input)), ("scale", of(&scale)), ("zero_point", of(&zero_point))]);
            }
            _ => {
                // One operand, or two that broadcast, and an axis.
                let types = if self.random.one_in(2) { FLOATS } else { &all };
                let first = self.any(types);
                rank = first.shape().len();
                for parameter in operator.parameters.iter().filter(|parameter| parameter.is_required()) {
                    let argument = match (parameter.kind, named.is_empty()) {
                        (Kind::Operand, true) => of(&first),
                        (Kind::Operand, false) => of(&self.broadcast(first.data_type(), first.shape())),
                        (Kind::Int, _) => Argument::Int(self.random.below(rank)),
                        _ => continue,
                    };
                    named.push((parameter.name, argument));
                }
            }
        }
        for parameter in operator.parameters.iter().filter(|parameter| !parameter.is_required()) {
            if named.iter().all(|(name, _)| *name != parameter.name)
                && let Some(argument) = self.option(parameter.kind, parameter.name, rank)
            {
                named.push((parameter.name, argument));
            }
        }
        if self.special && operator.name == "gemm" {
            // Whether 0 times what is no number is computed is for the implementation to say.
            named.retain(|(_, argument)| *argument != Argument::Float(0.0));
        }
        named
    }
}

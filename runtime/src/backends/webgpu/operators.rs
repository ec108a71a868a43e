//! Operators that nothing fused → dispatches.

use super::dispatch::Dispatch;
use super::kernels::element::packed_strides;
use super::kernels::elementwise::{BatchNormalization, Quantization};
use super::kernels::expression::literal_of;
use super::kernels::gemm::Gemm;
use super::kernels::matmul::{Matmul, matmul};
use super::kernels::movement::{Scatter, concat, gather, gather_elements, gather_nd, pad, reverse, tile, triangular};
use super::kernels::recurrent::{Cell, Recurrent, State};
use super::kernels::reduce::{Reduction, arg, cumulative_sum, reduce};
use super::kernels::rows::{LayerNormalization, Normalization, layer_normalization, normalization, softmax};
use super::kernels::window::{self, Pooling};
use super::lower::{Lowering, unsupported};
use super::shader::Tensor;
use super::storage::Storage;
use crate::error::Result;
use crate::graph::{Call, ValueId};
use crate::ops::conv2d::Convolution;
use crate::ops::layer_normalization::axes as layer_normalization_axes;
use crate::ops::pool2d::Pool;
use crate::ops::{conv_transpose2d, gru, instance_normalization, lstm, recurrent, resample2d, transpose};
use crate::optimize;

impl Lowering<'_> {
    /// An operator that nothing fused.
    pub(super) fn operator(
        &self,
        call: &Call<'_>,
        outputs: &[ValueId],
        output: &Tensor,
        label: &str,
        dispatches: &mut Vec<Dispatch>,
    ) -> Result<()> {
        let (name, options) = (call.operator.name, self.options);
        let ids: Vec<ValueId> = call.arguments.iter().flat_map(|argument| argument.operands().iter().copied()).collect();
        let operand = |index: usize| self.tensor(ids[index], label);
        let around =
            |shape: &[usize], axis: usize| [shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product::<usize>()];
        if let Some(reduction) = Reduction::named(name) {
            let shape = &call.operand("input").shape;
            let axes = call.optional_ints("axes").map_or_else(|| (0..shape.len()).collect(), <[usize]>::to_vec);
            dispatches.push(reduce(reduction, &operand(0)?, output, shape, &axes, options, label)?);
            return Ok(());
        }
        let shape = |index: usize| &self.program.descriptor(ids[index]).shape;
        let output_shape = &self.program.descriptor(outputs[0]).shape;
        let tensor = |name: &str| match call.argument(name).operands().first() {
            Some(id) => self.tensor(*id, label).map(Some),
            None => Ok(None),
        };
        match name {
            // What the optimiser could not make a view of: the same elements in the same order.
            "identity" | "reshape" => {
                let inputs = vec![optimize::PointwiseInput { value: ids[0], offset: 0, strides: vec![1] }];
                let data_type = call.operand("input").data_type;
                let instructions = vec![optimize::Instruction { operation: optimize::Operation::Input(0), data_type }];
                self.strided(&[output.elements], inputs, instructions, output, label, dispatches)?;
            }
            "layer_normalization" => {
                let written = self.written(output);
                dispatches.push(self.normalization(call, &written, label)?);
                self.narrow(&written, output, label, dispatches)?;
            }
            "matmul" => {
                let written = self.written(output);
                dispatches.push(self.batched(&ids, &written, label)?);
                self.narrow(&written, output, label, dispatches)?;
            }
            "gemm" => {
                let (a, b) = (self.float(ids[0], label)?, self.float(ids[1], label)?);
                let c = tensor("c")?;
                let gemm = Gemm {
                    a: &a,
                    b: &b,
                    c: c.as_ref().zip(call.optional_operand("c")).map(|(tensor, descriptor)| (tensor, descriptor.shape.as_slice())),
                    transposed: [call.bool("a_transpose"), call.bool("b_transpose")],
                    factors: [call.float("alpha"), call.float("beta")],
                    inner: shape(0)[usize::from(!call.bool("a_transpose"))],
                };
                dispatches.push(gemm.dispatch((output, output_shape), options, label)?);
            }
            "softmax" => {
                let sizes = around(&call.operand("input").shape, call.int("axis"));
                let written = self.written(output);
                dispatches.push(softmax(&self.float(ids[0], label)?, &written, sizes, options, label)?);
                self.narrow(&written, output, label, dispatches)?;
            }
            "arg_max" | "arg_min" => {
                let sizes = around(shape(0), call.int("axis"));
                dispatches.push(arg(name == "arg_max", &operand(0)?, output, sizes, options, label)?);
            }
            "cumulative_sum" => {
                let [_, size, inner] = around(shape(0), call.int("axis"));
                let flags = [call.bool("exclusive"), call.bool("reversed")];
                dispatches.push(cumulative_sum(&operand(0)?, output, [size, inner], flags, options, label)?);
            }
            "gather" => {
                let sizes = around(&call.operand("input").shape, call.int("axis"));
                dispatches.push(gather(&operand(0)?, &operand(1)?, output, sizes, options, label)?);
            }
            "gather_elements" => {
                let (input, indices, axis) = (operand(0)?, operand(1)?, call.int("axis"));
                dispatches.push(gather_elements((&input, shape(0)), (&indices, output_shape), output, axis, options, label)?);
            }
            "gather_nd" => {
                let depth = shape(1).last().copied().unwrap_or(0);
                dispatches.push(gather_nd((&operand(0)?, shape(0)), &operand(1)?, depth, output, options, label)?);
            }
            "scatter_elements" | "scatter_nd" => {
                let (input, indices, updates) = (operand(0)?, operand(1)?, operand(2)?);
                let depth = if name == "scatter_nd" { shape(1).last().copied().unwrap_or(0) } else { shape(0).len() };
                let winners = self.scratch(Storage::U32, shape(0)[..depth].iter().product());
                let scatter = Scatter { input: &input, shape: shape(0), indices: &indices, updates: &updates, output, winners: &winners };
                dispatches.extend(match name {
                    "scatter_nd" => scatter.parts(depth, options, label)?,
                    _ => scatter.elements(shape(1), call.int("axis"), options, label)?,
                });
            }
            "concat" => {
                let axis = call.int("axis");
                let sizes = ids.iter().map(|id| Ok((self.tensor(*id, label)?, self.program.descriptor(*id).shape[axis])));
                let inputs: Vec<(Tensor, usize)> = sizes.collect::<Result<_>>()?;
                let [outer, _, inner] = around(shape(0), axis);
                let spread = || self.scratch(Storage::U32, output.elements);
                dispatches.extend(concat(&inputs, output, spread, [outer, inner], options, label)?);
            }
            "pad" => {
                let value = literal_of(call.float("value"), call.operand("input").data_type);
                let (before, mode) = (call.ints("beginning_padding"), call.text("mode"));
                dispatches.push(pad((&operand(0)?, shape(0)), (output, output_shape), before, mode, &value, options, label)?);
            }
            "tile" => dispatches.push(tile((&operand(0)?, shape(0)), (output, output_shape), options, label)?),
            "reverse" => {
                let axes = call.optional_ints("axes").map_or_else(|| (0..shape(0).len()).collect(), <[usize]>::to_vec);
                dispatches.push(reverse((&operand(0)?, shape(0)), output, &axes, options, label)?);
            }
            "triangular" => {
                let (upper, diagonal) = (call.bool("upper"), call.float("diagonal") as i64);
                dispatches.push(triangular((&operand(0)?, shape(0)), output, upper, diagonal, options, label)?);
            }
            "conv2d" | "conv_transpose2d" => {
                let (input, filter, bias) = (operand(0)?, operand(1)?, tensor("bias")?);
                let transposed = name == "conv_transpose2d";
                let sizes = if transposed { conv_transpose2d::convolution(call) } else { Convolution::of(call) };
                let sizes = sizes.map_err(|reason| unsupported(label, reason))?;
                let written = if !transposed && window::as_product(&sizes) { self.written(output) } else { output.clone() };
                let operands = window::Operands { input: &input, filter: &filter, bias: bias.as_ref(), output: &written };
                let kernel = if transposed { window::transposed } else { window::convolution };
                dispatches.push(kernel(&sizes, &operands, options, label)?);
                self.narrow(&written, output, label, dispatches)?;
            }
            "average_pool2d" | "l2_pool2d" | "max_pool2d" => {
                let pool = Pool::of(call).map_err(|reason| unsupported(label, reason))?;
                let pooling = match name {
                    "average_pool2d" => Pooling::Average,
                    "l2_pool2d" => Pooling::L2,
                    _ => Pooling::Max,
                };
                dispatches.push(window::pool(pooling, &pool, &operand(0)?, output, options, label)?);
            }
            "resample2d" => {
                let axes = resample2d::axes(call).map_err(|reason| unsupported(label, reason))?;
                let linear = call.text("mode") == "linear";
                dispatches.push(window::resample((&operand(0)?, shape(0)), (output, output_shape), axes, linear, options, label)?);
            }
            "batch_normalization" => {
                let (axis, shape) = (call.int("axis"), shape(0));
                let (scale, bias) = (tensor("scale")?, tensor("bias")?);
                let norm = BatchNormalization {
                    input: &operand(0)?,
                    mean: &operand(1)?,
                    variance: &operand(2)?,
                    scale: scale.as_ref(),
                    bias: bias.as_ref(),
                    output,
                    channels: shape[axis],
                    inner: shape[axis + 1..].iter().product(),
                    epsilon: call.float("epsilon"),
                };
                dispatches.push(norm.dispatch(options, label)?);
            }
            "instance_normalization" => {
                let image = instance_normalization::image(call).map_err(|reason| unsupported(label, reason))?;
                let (scale, bias, written) = (tensor("scale")?, tensor("bias")?, self.written(output));
                let norm = Normalization {
                    input: &operand(0)?,
                    output: &written,
                    rows: (image.sizes[..2].to_vec(), image.strides[..2].to_vec()),
                    columns: (image.sizes[2..].to_vec(), image.strides[2..].to_vec()),
                    scale: scale.as_ref(),
                    bias: bias.as_ref(),
                    index: &format!("row % {}u", image.sizes[1]),
                    epsilon: call.float("epsilon"),
                };
                dispatches.push(normalization(&norm, options, label)?);
                self.narrow(&written, output, label, dispatches)?;
            }
            "quantize_linear" | "dequantize_linear" => {
                let data_type = |id: ValueId| self.program.descriptor(id).data_type;
                let quantization = Quantization {
                    input: (&operand(0)?, data_type(ids[0])),
                    scale: &operand(1)?,
                    zero_point: &operand(2)?,
                    output: (output, data_type(outputs[0])),
                    shape: shape(0),
                    blocks: shape(1),
                };
                dispatches.push(quantization.dispatch(options, label)?);
            }
            "lstm" | "lstm_cell" | "gru" | "gru_cell" => self.recurrent(name, call, outputs, label, dispatches)?,
            _ if optimize::function(call).is_some() => {
                let Some(operation) = optimize::function(call) else { return Ok(()) };
                let instruction =
                    |operation, id: ValueId| optimize::Instruction { operation, data_type: self.program.descriptor(id).data_type };
                let mut instructions: Vec<_> =
                    ids.iter().enumerate().map(|(index, id)| instruction(optimize::Operation::Input(index), *id)).collect();
                instructions.push(instruction(operation, outputs[0]));
                let walk = |id: &ValueId| {
                    let shape = &self.program.descriptor(*id).shape;
                    optimize::PointwiseInput {
                        value: *id,
                        offset: 0,
                        strides: optimize::broadcast(shape, &packed_strides(shape), output_shape),
                    }
                };
                self.strided(output_shape, ids.iter().map(walk).collect(), instructions, output, label, dispatches)?;
            }
            "transpose" | "expand" | "slice" | "split" => {
                let packed = packed_strides(shape(0));
                let (mut offset, mut strides) = (0, packed.clone());
                for id in outputs {
                    let shape_of = &self.program.descriptor(*id).shape;
                    let mut after = 0;
                    match name {
                        "transpose" => strides = transpose::permutation(call).iter().map(|axis| packed[*axis]).collect(),
                        "expand" => strides = optimize::broadcast(shape(0), &packed, shape_of),
                        "slice" => {
                            offset = call.ints("starts").iter().zip(&packed).map(|(start, stride)| start * stride).sum();
                            if let Some(steps) = call.optional_ints("strides") {
                                strides = packed.iter().zip(steps).map(|(stride, step)| stride * step).collect();
                            }
                        }
                        _ => after = shape_of[call.int("axis")] * packed[call.int("axis")],
                    }
                    let inputs = vec![optimize::PointwiseInput { value: ids[0], offset, strides: strides.clone() }];
                    let data_type = call.operand("input").data_type;
                    let instructions = vec![optimize::Instruction { operation: optimize::Operation::Input(0), data_type }];
                    if shape_of.iter().all(|size| *size > 0) {
                        self.strided(shape_of, inputs, instructions, &self.tensor(*id, label)?, label, dispatches)?;
                    }
                    offset += after;
                }
            }
            _ => return Err(unsupported(label, format!("there is no WGSL kernel of `{name}` yet"))),
        }
        Ok(())
    }

    /// Normalisation over any axes; of the last ones in order as of one.
    fn normalization(&self, call: &Call<'_>, output: &Tensor, label: &str) -> Result<Dispatch> {
        let (shape, axes) = (&call.operand("input").shape, layer_normalization_axes(call));
        let outer = shape.len() - axes.len();
        let tensor = |name: &str| self.optional(call.argument(name).operands().first().copied(), label);
        let Some(input) = tensor("input")? else { return Err(unsupported(label, "no input".into())) };
        let (scale, bias) = (tensor("scale")?, tensor("bias")?);
        let (scale, bias, epsilon) = (scale.as_ref(), bias.as_ref(), call.float("epsilon"));
        if axes.iter().copied().eq(outer..shape.len()) {
            let (rows, columns) = (shape[..outer].iter().product(), shape[outer..].iter().product());
            let norm = LayerNormalization { input: &input, scale, bias, output, rows, columns, epsilon };
            return layer_normalization(&norm, self.options, label);
        }
        let strides = packed_strides(shape);
        let pick = |axes: &[usize]| axes.iter().map(|&axis| (shape[axis], strides[axis])).unzip();
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let (rows, columns) = (pick(&kept), pick(&axes));
        let norm = Normalization { input: &input, output, rows, columns, scale, bias, index: "i", epsilon };
        normalization(&norm, self.options, label)
    }

    /// A recurrent network or one step of it.
    fn recurrent(&self, name: &str, call: &Call<'_>, outputs: &[ValueId], label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        let refuse = |reason: String| unsupported(label, reason);
        let (single, long) = (name.ends_with("_cell"), name.starts_with("lstm"));
        let tensor = |name: &str| match call.argument(name).operands().first() {
            Some(id) => self.tensor(*id, label).map(Some),
            None => Ok(None),
        };
        let required = |name: &str| tensor(name)?.ok_or_else(|| refuse(format!("no `{name}`")));
        let directions = if single { &[false] } else { recurrent::directions(call).map_err(refuse)? };
        let shape = &call.operand("input").shape;
        let (batch, size) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let (steps, hidden_size) = (if single { 1 } else { call.int("steps") }, call.int("hidden_size"));
        let gates = if long { 4 } else { 3 };
        let states = directions.len() * batch * hidden_size;
        let memory = |elements: usize| self.scratch(Storage::F32, elements);
        // Outputs of float32 are memory enough.
        let results = outputs.iter().map(|output| self.tensor(*output, label)).collect::<Result<Vec<_>>>()?;
        let kept: Vec<Tensor> = results.iter().map(|result| self.written(result)).collect();
        let initial = |cell: &str, sequence: &str| tensor(if single { cell } else { sequence });
        let hidden = initial("hidden_state", "initial_hidden_state")?;
        let (mut memories, mut peephole) = (None, None);
        if long {
            memories = initial("cell_state", "initial_cell_state")?;
            peephole = tensor("peephole_weight")?;
        }
        let cell = if long {
            let (places, functions) = lstm::cell(call).map_err(refuse)?;
            let cell = State { initial: memories.as_ref(), kept: &kept[1] };
            Cell::Lstm { places, functions, peephole: peephole.as_ref(), cell }
        } else {
            let (places, functions) = gru::cell(call).map_err(refuse)?;
            Cell::Gru { places, functions, reset_after: call.bool("reset_after") }
        };
        let (bias, recurrent_bias) = (tensor("bias")?, tensor("recurrent_bias")?);
        let network = Recurrent {
            cell,
            input: &required("input")?,
            weight: &required("weight")?,
            recurrent_weight: &required("recurrent_weight")?,
            bias: bias.as_ref(),
            recurrent_bias: recurrent_bias.as_ref(),
            hidden: State { initial: hidden.as_ref(), kept: &kept[0] },
            products: &memory(gates * states * steps),
            gates: &memory(gates * batch * hidden_size),
            sequence: kept.get(if long { 2 } else { 1 }),
            steps,
            batch,
            size,
            hidden_size,
            directions,
        };
        dispatches.extend(network.dispatches(self.options, label)?);
        kept.iter().zip(&results).try_for_each(|(kept, result)| self.narrow(kept, result, label, dispatches))
    }

    /// A product of batches that broadcast.
    fn batched(&self, ids: &[ValueId], output: &Tensor, label: &str) -> Result<Dispatch> {
        let (a, b) = (self.float(ids[0], label)?, self.float(ids[1], label)?);
        let (a_shape, b_shape) = (&self.program.descriptor(ids[0]).shape, &self.program.descriptor(ids[1]).shape);
        let rank = a_shape.len().max(b_shape.len()) - 2;
        let strides = |shape: &[usize]| -> (Vec<usize>, Vec<usize>) {
            let (batch, matrix) = shape.split_at(shape.len() - 2);
            let mut sizes = vec![1; rank - batch.len()];
            sizes.extend(batch);
            let mut stride: usize = matrix.iter().product();
            let mut strides = vec![0; rank];
            for axis in (0..rank).rev() {
                strides[axis] = if sizes[axis] == 1 { 0 } else { stride };
                stride *= sizes[axis];
            }
            (sizes, strides)
        };
        let ((a_sizes, a_strides), (b_sizes, b_strides)) = (strides(a_shape), strides(b_shape));
        let (rows, inner, columns) = (a_shape[a_shape.len() - 2], a_shape[a_shape.len() - 1], b_shape[b_shape.len() - 1]);
        let product = Matmul {
            a: &a,
            b: &b,
            output,
            rows,
            inner,
            columns,
            output_columns: columns,
            first_column: 0,
            transposed: false,
            batch: a_sizes.iter().zip(&b_sizes).map(|(a, b)| *a.max(b)).collect(),
            a_strides,
            b_strides,
            bias: None,
            bias_groups: None,
            residual: None,
            activation: None,
            contents: None,
        };
        matmul(&product, self.options, label)
    }

    /// What the optimiser leaves as operators, elements of half a byte, as an element-wise kernel.
    fn strided(
        &self,
        shape: &[usize],
        inputs: Vec<optimize::PointwiseInput>,
        instructions: Vec<optimize::Instruction>,
        output: &Tensor,
        label: &str,
        dispatches: &mut Vec<Dispatch>,
    ) -> Result<()> {
        let (mut shape, mut inputs) = (shape.to_vec(), inputs);
        if shape.is_empty() {
            shape.push(1);
            inputs.iter_mut().for_each(|input| input.strides.push(0));
        }
        let step = optimize::Pointwise { shape, inputs, expression: optimize::Expression { instructions } };
        self.pointwise(&step, output, label, dispatches)
    }
}

//! Step → dispatches: the tensors of each kernel found, its sizes handed on.

use super::dispatch::{Dispatch, Region, Resource};
use super::kernels::attention::{Attention, Heads, attention};
use super::kernels::element::{convert, packed_strides};
use super::kernels::elementwise::{BatchNormalization, Quantization};
use super::kernels::expression::{Walked, activation, literal_of, pointwise};
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
use crate::graph::{Argument, Call, ValueId};
use crate::ops::conv2d::Convolution;
use crate::ops::layer_normalization::axes as layer_normalization_axes;
use crate::ops::pool2d::Pool;
use crate::ops::{conv_transpose2d, gru, instance_normalization, lstm, recurrent, resample2d};
use crate::optimize::{self, HeadsView, Kernel, Step};

impl Lowering<'_> {
    pub(super) fn step(&self, step: &Step, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        if step.outputs.iter().all(|output| self.program.descriptor(*output).element_count() == 0) {
            return Ok(());
        }
        let (label, options) = (step.label.as_str(), self.options);
        let output = self.tensor(step.outputs[0], label)?;
        // What the fused kernels write: float32, made float16 by a dispatch more.
        let written = match &step.kernel {
            Kernel::Linear(_) | Kernel::Attention(_) | Kernel::LayerNormalization(_) => self.written(&output),
            _ => output.clone(),
        };
        match &step.kernel {
            Kernel::Linear(linear) => self.linear(linear, &written, label, dispatches)?,
            Kernel::Attention(fused) => dispatches.push(self.attention(fused, &written, label)?),
            Kernel::LayerNormalization(norm) => {
                let (input, scale, bias) =
                    (self.float(norm.input, label)?, self.optional(norm.scale, label)?, self.optional(norm.bias, label)?);
                let (rows, columns, epsilon) = (norm.rows, norm.columns, norm.epsilon);
                let norm = LayerNormalization {
                    input: &input,
                    scale: scale.as_ref(),
                    bias: bias.as_ref(),
                    output: &written,
                    rows,
                    columns,
                    epsilon,
                };
                dispatches.push(layer_normalization(&norm, options, label)?);
            }
            Kernel::Pointwise(step) => self.pointwise(step, &output, label, dispatches)?,
            Kernel::Operator { operator, arguments } => {
                let call = self.program.call(step).ok_or_else(|| unsupported(label, "no operator".into()))?;
                self.operator(operator.name, arguments, &call, &step.outputs, &output, label, dispatches)?;
            }
        }
        self.narrow(&written, &output, label, dispatches)
    }

    /// A tensor that kernels can write element by element: the output itself, or memory from which [`Self::narrow`] packs it.
    fn written(&self, output: &Tensor) -> Tensor {
        if output.storage == Storage::F16 { self.scratch(Storage::F32, output.elements) } else { output.clone() }
    }

    /// Rounds what was written to the output's type, if that is another tensor.
    fn narrow(&self, written: &Tensor, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        if written.region != output.region || written.resource != output.resource {
            dispatches.push(convert(written, output, self.options, label)?);
        }
        Ok(())
    }

    /// One dispatch, or several where a tensor exceeds a binding: each computes some of the first axis.
    fn pointwise(&self, step: &optimize::Pointwise, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        let tensors: Vec<Tensor> = step.inputs.iter().map(|input| self.tensor(input.value, label)).collect::<Result<_>>()?;
        let limit = self.options.max_binding_bytes;
        let whole = std::iter::once(output).chain(tensors.iter().filter(|tensor| tensor.chunks.len() < 2)).all(|tensor| tensor.region.size <= limit);
        let rows = step.shape.first().copied().unwrap_or(1);
        let inner: usize = step.shape[1..].iter().product();
        // Rows of a part: their bytes fit, and every part begins where a binding may.
        let mut part = rows;
        if !whole {
            let row_bits = |tensor: &Tensor, stride: usize| stride * tensor.storage.bits();
            let rows_of = |tensor: &Tensor, stride: usize| (limit as usize * 8).checked_div(row_bits(tensor, stride)).unwrap_or(rows);
            let strides = step.inputs.iter().map(|input| input.strides[0]);
            let fit = tensors.iter().zip(strides).map(|(tensor, stride)| rows_of(tensor, stride)).fold(rows_of(output, inner), usize::min);
            // 512 elements of 4 bits are 256 bytes.
            part = if fit >= 1024 { fit / 512 * 512 - 512 } else { fit.saturating_sub(1) };
            let aligned = |bits: usize| (bits / 8).is_multiple_of(256) && bits.is_multiple_of(8);
            let begin = |(tensor, input): (&Tensor, &optimize::PointwiseInput)| tensor.chunks.len() > 1 || aligned(part * row_bits(tensor, input.strides[0]));
            let begins = tensors.iter().zip(&step.inputs).all(begin);
            if part == 0 || !begins || !aligned(part * row_bits(output, inner)) {
                let reason = format!("a tensor of {} bytes; a binding holds {limit}", output.region.size);
                return Err(unsupported(label, reason));
            }
        }
        for start in (0..rows).step_by(part.max(1)) {
            let mut shape = step.shape.clone();
            let cut = |tensor: &Tensor, stride: usize, extent: usize| {
                if whole || tensor.chunks.len() > 1 {
                    return tensor.clone();
                }
                let bits = tensor.storage.bits();
                let region = Region::new(tensor.region.offset as usize + start * stride * bits / 8, (extent * bits).div_ceil(8));
                Tensor { region, elements: extent, ..tensor.clone() }
            };
            if let Some(first) = shape.first_mut() {
                *first = part.min(rows - start);
            }
            let count: usize = shape.iter().product();
            let parts: Vec<Tensor> = tensors
                .iter()
                .zip(&step.inputs)
                .map(|(tensor, input)| {
                    let reach: usize = shape.iter().zip(&input.strides).map(|(size, stride)| (size - 1) * stride).sum();
                    cut(tensor, input.strides[0], input.offset + reach + 1)
                })
                .collect();
            // Chunks of a split weight stay whole: there the walk begins elsewhere.
            let inputs = parts.iter().zip(&step.inputs).map(|(tensor, input)| Walked {
                tensor,
                offset: input.offset + if tensor.chunks.len() > 1 { start * input.strides[0] } else { 0 },
                strides: &input.strides,
            });
            let inputs: Vec<Walked<'_>> = inputs.collect();
            dispatches.push(pointwise(&shape, &inputs, &step.expression, &cut(output, inner, count), self.options, label)?);
        }
        Ok(())
    }

    /// One product, or one per chunk of a split weight.
    fn linear(&self, linear: &optimize::Linear, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        let (input, weight) = (self.float(linear.input, label)?, self.float(linear.weight, label)?);
        let (bias, residual) = (self.optional(linear.bias, label)?, self.optional(linear.residual, label)?);
        let text = |width: usize| linear.activation.as_ref().map_or(String::new(), |expression| activation(expression, width));
        let product = |b: &Tensor, columns: usize, first_column: usize| {
            let sizes = Matmul {
                a: &input,
                b,
                output,
                rows: linear.rows,
                inner: linear.inner,
                columns,
                output_columns: linear.columns,
                first_column,
                transposed: linear.transposed,
                batch: vec![],
                a_strides: vec![],
                b_strides: vec![],
                bias: bias.as_ref(),
                bias_groups: None,
                residual: residual.as_ref(),
                activation: linear.activation.as_ref().map(|_| &text as &dyn Fn(usize) -> String),
                contents: None,
            };
            matmul(&sizes, self.options, label)
        };
        // Chunks of another shape than the product's are read through accessors that choose the binding.
        let whole_rows = weight.chunks.last().is_some_and(|chunk| chunk.rows.end == linear.columns);
        let Resource::Constant { index, .. } = weight.resource else {
            dispatches.push(product(&weight, linear.columns, 0)?);
            return Ok(());
        };
        if weight.chunks.len() < 2 || !linear.transposed || !whole_rows {
            dispatches.push(product(&weight, linear.columns, 0)?);
            return Ok(());
        }
        for (chunk, range) in weight.chunks.iter().enumerate() {
            let (resource, region) = (Resource::Constant { index, chunk }, Region::new(0, range.bytes.len()));
            let elements = range.rows.len() * linear.inner;
            let part = Tensor { resource, region, storage: weight.storage, elements, chunks: vec![] };
            dispatches.push(product(&part, range.rows.len(), range.rows.start)?);
        }
        Ok(())
    }

    fn attention(&self, fused: &optimize::Attention, output: &Tensor, label: &str) -> Result<Dispatch> {
        let [query, key, value] = [&fused.query, &fused.key, &fused.value].map(|view| self.float(view.value, label));
        let (query, key, value) = (query?, key?, value?);
        let heads = |tensor, view: &HeadsView| Heads {
            tensor,
            offset: view.offset,
            batch: view.batch_stride,
            row: view.row_stride,
            head: view.head_stride,
        };
        let mask = fused.mask.map(|(mask, strides)| self.float(mask, label).map(|tensor| (tensor, strides))).transpose()?;
        let sizes = Attention {
            batch: fused.batch,
            heads: fused.heads,
            query_length: fused.query_length,
            key_length: fused.key_length,
            head_size: fused.head_size,
            value_size: fused.value_size,
            query: heads(&query, &fused.query),
            key: heads(&key, &fused.key),
            value: heads(&value, &fused.value),
            mask: mask.as_ref().map(|(tensor, strides)| (tensor, *strides)),
            scale: fused.scale,
            output,
        };
        attention(&sizes, self.options, label)
    }

    /// An operator that nothing fused.
    fn operator(
        &self,
        name: &str,
        arguments: &[Argument<ValueId>],
        call: &Call<'_>,
        outputs: &[ValueId],
        output: &Tensor,
        label: &str,
        dispatches: &mut Vec<Dispatch>,
    ) -> Result<()> {
        let options = self.options;
        let ids: Vec<ValueId> = arguments.iter().flat_map(|argument| argument.operands().iter().copied()).collect();
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
                let expression = optimize::Expression {
                    instructions: vec![optimize::Instruction {
                        operation: optimize::Operation::Input(0),
                        data_type: call.operand("input").data_type,
                    }],
                };
                let (tensor, count) = (operand(0)?, output.elements);
                let input = Walked { tensor: &tensor, offset: 0, strides: &[1] };
                dispatches.push(pointwise(&[count], &[input], &expression, output, options, label)?);
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
}

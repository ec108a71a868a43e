//! Program → plan: every step becomes the dispatches of its kernel. Pure: no device, equal programs give equal plans.

use super::PLATFORM;
use super::dispatch::{Chunk, Dispatch, Plan, Region, Resource};
use super::kernels::attention::{Attention, Heads, attention};
use super::kernels::expression::{Walked, activation, pointwise};
use super::kernels::matmul::{Matmul, matmul};
use super::kernels::movement::{concat, gather};
use super::kernels::reduce::{Reduction, reduce};
use super::kernels::rows::{LayerNormalization, layer_normalization, softmax};
use super::shader::{Storage, Tensor};
use crate::error::{Error, Result};
use crate::graph::{Argument, Call, OperandDescriptor, ValueId};
use crate::optimize::{self, HeadsView, Kernel, Place, Program, Step};

/// What a plan may ask of a device, and which kernels suit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Largest range that one binding may show. Constants above it are split by rows.
    pub max_binding_bytes: u64,
    /// Storage buffers of one dispatch.
    pub max_bindings: usize,
    /// Workgroups in one dimension.
    pub max_workgroups: u32,
    /// Memory that a workgroup may share.
    pub workgroup_bytes: usize,
    /// True where the adapter is a processor: no workgroup memory, more registers.
    pub software: bool,
}

impl Default for Options {
    /// The limits that every WebGPU adapter has.
    fn default() -> Self {
        Self { max_binding_bytes: 128 << 20, max_bindings: 8, max_workgroups: 65535, workgroup_bytes: 16384, software: false }
    }
}

/// The error of an operator, or of a size, that this platform cannot compute.
pub(super) fn unsupported(label: &str, reason: String) -> Error {
    let operator = label.rsplit(": ").next().unwrap_or(label).to_owned();
    let reason = if operator == label { reason } else { format!("{reason} (in `{label}`)") };
    Error::Unsupported { operator, platform: PLATFORM.into(), reason }
}

/// The dispatches of a program.
///
/// **Errors** [`Error::Unsupported`] for a data type or an operator that WGSL or this backend lacks, a tensor that exceeds a binding.
pub fn lower(program: &Program, options: &Options) -> Result<Plan> {
    let mut lowering = Lowering { program, options, inputs: Vec::new(), outputs: Vec::new() };
    lowering.inputs = lowering.regions(&program.inputs)?;
    lowering.outputs = lowering.regions(&program.outputs)?;
    let mut dispatches = Vec::new();
    for step in &program.steps {
        lowering.step(step, &mut dispatches)?;
    }
    let mut read = vec![false; program.constants.len()];
    for binding in dispatches.iter().flat_map(|dispatch| &dispatch.bindings) {
        if let Resource::Constant { index, .. } = binding.resource {
            read[index] = true;
        }
    }
    let constants =
        program.constants.iter().zip(read).map(|(constant, read)| if read { chunks(&constant.descriptor, options) } else { vec![] });
    Ok(Plan {
        dispatches,
        arena_bytes: (program.arena_bytes as u64).next_multiple_of(256),
        constants: constants.collect(),
        inputs: lowering.inputs,
        outputs: lowering.outputs,
    })
}

/// The rows of a constant that share a binding: whole tiles of 64 where the rows allow it.
fn chunks(descriptor: &OperandDescriptor, options: &Options) -> Vec<Chunk> {
    let bytes = descriptor.byte_length();
    let rows = descriptor.shape.first().copied().unwrap_or(1).max(1);
    let row = bytes / rows;
    let fit = if row == 0 { rows } else { (options.max_binding_bytes as usize / row).min(rows) };
    let step = match fit {
        _ if bytes as u64 <= options.max_binding_bytes => rows,
        64.. => fit / 64 * 64,
        _ => fit.max(1),
    };
    (0..rows)
        .step_by(step)
        .map(|start| start..(start + step).min(rows))
        .map(|rows| Chunk { bytes: rows.start * row..rows.end * row, rows })
        .collect()
}

struct Lowering<'a> {
    program: &'a Program,
    options: &'a Options,
    inputs: Vec<Region>,
    outputs: Vec<Region>,
}

impl Lowering<'_> {
    /// One region per tensor, one after another.
    fn regions(&self, tensors: &[(String, ValueId)]) -> Result<Vec<Region>> {
        let mut regions: Vec<Region> = Vec::new();
        for (name, value) in tensors {
            let descriptor = self.program.descriptor(*value);
            storage(descriptor, name)?;
            regions.push(Region::new(regions.last().map_or(0, Region::end), descriptor.byte_length()));
        }
        Ok(regions)
    }

    fn tensor(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let descriptor = self.program.descriptor(value);
        let storage = storage(descriptor, label)?;
        let bytes = descriptor.byte_length();
        let mut parts = Vec::new();
        let (resource, region) = match self.program.place(value) {
            Place::Input(index) => (Resource::Inputs, self.inputs[index]),
            Place::Output(index) => (Resource::Outputs, self.outputs[index]),
            Place::Arena { offset } => (Resource::Arena, Region::new(offset, bytes)),
            Place::Constant(index) => {
                // Split as it is stored: the value may be a reshape of the constant.
                parts = chunks(&self.program.constants[index].descriptor, self.options);
                (Resource::Constant { index, chunk: 0 }, Region::new(0, bytes))
            }
        };
        Ok(Tensor { resource, region, storage, elements: descriptor.element_count(), chunks: parts })
    }

    /// A float32 tensor: what the fused kernels take.
    fn float(&self, value: ValueId, label: &str) -> Result<Tensor> {
        let tensor = self.tensor(value, label)?;
        match tensor.storage {
            Storage::F32 => Ok(tensor),
            _ => Err(unsupported(label, format!("takes float32, found {}", self.program.descriptor(value).data_type))),
        }
    }

    fn optional(&self, value: Option<ValueId>, label: &str) -> Result<Option<Tensor>> {
        value.map(|value| self.float(value, label)).transpose()
    }

    fn step(&self, step: &Step, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        if step.outputs.iter().all(|output| self.program.descriptor(*output).element_count() == 0) {
            return Ok(());
        }
        let (label, options) = (step.label.as_str(), self.options);
        let output = self.tensor(step.outputs[0], label)?;
        match &step.kernel {
            Kernel::Linear(linear) => self.linear(linear, &output, label, dispatches)?,
            Kernel::Attention(fused) => dispatches.push(self.attention(fused, &output, label)?),
            Kernel::LayerNormalization(norm) => {
                let (input, scale, bias) =
                    (self.float(norm.input, label)?, self.optional(norm.scale, label)?, self.optional(norm.bias, label)?);
                let (rows, columns, epsilon) = (norm.rows, norm.columns, norm.epsilon);
                let norm = LayerNormalization {
                    input: &input,
                    scale: scale.as_ref(),
                    bias: bias.as_ref(),
                    output: &output,
                    rows,
                    columns,
                    epsilon,
                };
                dispatches.push(layer_normalization(&norm, options, label)?);
            }
            Kernel::Pointwise(step) => {
                let tensors: Vec<Tensor> = step.inputs.iter().map(|input| self.tensor(input.value, label)).collect::<Result<_>>()?;
                let inputs = tensors.iter().zip(&step.inputs).map(|(tensor, input)| Walked {
                    tensor,
                    offset: input.offset,
                    strides: &input.strides,
                });
                let inputs: Vec<Walked<'_>> = inputs.collect();
                dispatches.push(pointwise(&step.shape, &inputs, &step.expression, &output, options, label)?);
            }
            Kernel::Operator { operator, arguments } => {
                let call = self.program.call(step).ok_or_else(|| unsupported(label, "no operator".into()))?;
                self.operator(operator.name, arguments, &call, &output, label, dispatches)?;
            }
        }
        Ok(())
    }

    /// One product, or one per chunk of a split weight.
    fn linear(&self, linear: &optimize::Linear, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        let (input, weight) = (self.float(linear.input, label)?, self.float(linear.weight, label)?);
        let (bias, residual) = (self.optional(linear.bias, label)?, self.optional(linear.residual, label)?);
        let text = |width: usize| match &linear.activation {
            Some(expression) => activation(expression, width, label),
            None => Ok(String::new()),
        };
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
                residual: residual.as_ref(),
                activation: linear.activation.as_ref().map(|_| &text as &dyn Fn(usize) -> Result<String>),
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
            "matmul" => dispatches.push(self.batched(&ids, output, label)?),
            "softmax" => {
                let sizes = around(&call.operand("input").shape, call.int("axis"));
                dispatches.push(softmax(&self.float(ids[0], label)?, output, sizes, options, label)?);
            }
            "gather" => {
                let sizes = around(&call.operand("input").shape, call.int("axis"));
                dispatches.push(gather(&operand(0)?, &operand(1)?, output, sizes, options, label)?);
            }
            "concat" => {
                let axis = call.int("axis");
                let sizes = ids.iter().map(|id| Ok((self.tensor(*id, label)?, self.program.descriptor(*id).shape[axis])));
                let inputs: Vec<(Tensor, usize)> = sizes.collect::<Result<_>>()?;
                let [outer, _, inner] = around(&self.program.descriptor(ids[0]).shape, axis);
                dispatches.extend(concat(&inputs, output, outer, inner, options, label)?);
            }
            _ => return Err(unsupported(label, format!("there is no WGSL kernel of `{name}` yet"))),
        }
        Ok(())
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
            residual: None,
            activation: None,
        };
        matmul(&product, self.options, label)
    }
}

fn storage(descriptor: &OperandDescriptor, label: &str) -> Result<Storage> {
    Storage::of(descriptor.data_type).ok_or_else(|| {
        let reason = format!("WGSL without extensions has no {}; cast to int32, uint32 or float32 before", descriptor.data_type);
        unsupported(label, reason)
    })
}

//! Step → dispatches: the tensors of each kernel found, its sizes handed on.

use super::dispatch::{Dispatch, Region, Resource};
use super::kernels::attention::{Attention, Heads, attention};
use super::kernels::expression::{Walked, activation, pointwise};
use super::kernels::matmul::{Matmul, matmul};
use super::kernels::movement::{concat, gather};
use super::kernels::reduce::{Reduction, reduce};
use super::kernels::rows::{LayerNormalization, layer_normalization, softmax};
use super::lower::{Lowering, unsupported};
use super::shader::Tensor;
use crate::error::Result;
use crate::graph::{Argument, Call, ValueId};
use crate::ops::layer_normalization::axes as layer_normalization_axes;
use crate::optimize::{self, HeadsView, Kernel, Step};

impl Lowering<'_> {
    pub(super) fn step(&self, step: &Step, dispatches: &mut Vec<Dispatch>) -> Result<()> {
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
            "layer_normalization" => dispatches.push(self.normalization(call, output, label)?),
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

    /// Normalisation of several last axes, as of one.
    fn normalization(&self, call: &Call<'_>, output: &Tensor, label: &str) -> Result<Dispatch> {
        let (shape, axes) = (&call.operand("input").shape, layer_normalization_axes(call));
        let outer = shape.len() - axes.len();
        if !axes.iter().copied().eq(outer..shape.len()) {
            return Err(unsupported(label, format!("axes {axes:?} of a tensor of rank {}: only the last ones, in order", shape.len())));
        }
        let tensor = |name: &str| self.optional(call.argument(name).operands().first().copied(), label);
        let Some(input) = tensor("input")? else { return Err(unsupported(label, "no input".into())) };
        let (scale, bias) = (tensor("scale")?, tensor("bias")?);
        let (rows, columns) = (shape[..outer].iter().product(), shape[outer..].iter().product());
        let (scale, bias, epsilon) = (scale.as_ref(), bias.as_ref(), call.float("epsilon"));
        let norm = LayerNormalization { input: &input, scale, bias, output, rows, columns, epsilon };
        layer_normalization(&norm, self.options, label)
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

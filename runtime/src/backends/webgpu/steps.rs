//! Step → dispatches: the tensors of each kernel found, its sizes handed on. Operators that nothing fused are in `emitter.rs`.

use super::dispatch::{Dispatch, Region, Resource};
use super::kernels::attention::{Attention, Heads, attention};
use super::kernels::element::convert;
use super::kernels::expression::{Walked, activation, pointwise};
use super::kernels::matmul::{Matmul, matmul};
use super::kernels::rows::{LayerNormalization, layer_normalization};
use super::lower::{Lowering, unsupported};
use super::shader::Tensor;
use super::storage::Storage;
use crate::error::Result;
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
            Kernel::Operator { .. } => {
                let call = self.program.call(step).ok_or_else(|| unsupported(label, "no operator".into()))?;
                self.operator(&call, &step.outputs, &output, label, dispatches)?;
            }
        }
        self.narrow(&written, &output, label, dispatches)
    }

    /// A tensor that kernels can write element by element: the output itself, or memory from which [`Self::narrow`] packs it.
    pub(super) fn written(&self, output: &Tensor) -> Tensor {
        if output.storage == Storage::F16 { self.scratch(Storage::F32, output.elements) } else { output.clone() }
    }

    /// Rounds what was written to the output's type, if that is another tensor.
    pub(super) fn narrow(&self, written: &Tensor, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        if written.region != output.region || written.resource != output.resource {
            dispatches.push(convert(written, output, self.options, label)?);
        }
        Ok(())
    }

    /// One dispatch, or several where a tensor exceeds a binding: each computes some of the first axis.
    pub(super) fn pointwise(&self, step: &optimize::Pointwise, output: &Tensor, label: &str, dispatches: &mut Vec<Dispatch>) -> Result<()> {
        let tensors: Vec<Tensor> = step.inputs.iter().map(|input| self.tensor(input.value, label)).collect::<Result<_>>()?;
        let limit = self.options.max_binding_bytes;
        let whole = std::iter::once(output)
            .chain(tensors.iter().filter(|tensor| tensor.chunks.len() < 2))
            .all(|tensor| tensor.region.size <= limit);
        let rows = step.shape.first().copied().unwrap_or(1);
        let inner: usize = step.shape[1..].iter().product();
        // Rows of a part: their bytes fit, and every part begins where a binding may.
        let mut part = rows;
        if !whole {
            let row_bits = |tensor: &Tensor, stride: usize| stride * tensor.storage.bits();
            let rows_of = |tensor: &Tensor, stride: usize| (limit as usize * 8).checked_div(row_bits(tensor, stride)).unwrap_or(rows);
            let strides = step.inputs.iter().map(|input| input.strides[0]);
            let walked: Vec<(&Tensor, usize)> =
                tensors.iter().zip(strides).filter(|(tensor, _)| tensor.chunks.len() < 2).chain([(output, inner)]).collect();
            let fit = walked.iter().map(|(tensor, stride)| rows_of(tensor, *stride)).fold(rows, usize::min);
            // Rows after which every tensor is at a multiple of 256 bytes: of 2048 bits.
            let unit = walked
                .iter()
                .map(|(tensor, stride)| 1 << 11_u32.saturating_sub(row_bits(tensor, *stride).trailing_zeros()))
                .fold(1, usize::max);
            part = fit / unit * unit;
            if part == 0 {
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
}

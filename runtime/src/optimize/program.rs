//! What a backend compiles: steps over values, values over buffers, buffers with places.

use std::fmt;

use super::{Expression, PackedConstant};
use crate::graph::{Argument, Call, Descriptors, OperandDescriptor, Operator, ValueId};

/// A graph made ready for a device: fused steps in execution order, and where every tensor lies.
///
/// [`ValueId`]s in a program index [`Program::values`], not the graph's values. All tensors are row-major and packed.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Tensors. Several values may share one buffer: they are reshapes of one another.
    pub values: Vec<ProgramValue>,
    /// Memory of the values.
    pub buffers: Vec<Buffer>,
    /// What to upload once per device, keyed so that programs of other shapes share it.
    pub constants: Vec<PackedConstant>,
    /// What to compute, in order. Each is one dispatch of a simple device.
    pub steps: Vec<Step>,
    /// Name and value of every input, in the graph's order; those that no step reads too.
    pub inputs: Vec<(String, ValueId)>,
    /// Name and value of every output, in the graph's order. Each has a buffer of its own with [`Place::Output`].
    pub outputs: Vec<(String, ValueId)>,
    /// Bytes of the arena, which holds every buffer with [`Place::Arena`].
    pub arena_bytes: usize,
}

/// A tensor of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramValue {
    /// Type and shape.
    pub descriptor: OperandDescriptor,
    /// The whole of this buffer is the tensor.
    pub buffer: BufferId,
}

/// Index of a buffer in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Memory of one tensor (and of its reshapes).
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Bytes used; an arena's slot is rounded up to a multiple of 256.
    pub byte_length: usize,
    /// Where it lies.
    pub place: Place,
}

/// Where a buffer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Index in [`Program::inputs`]: written by the caller before a run. Steps only read it.
    Input(usize),
    /// Index in [`Program::outputs`]: read by the caller after a run. Later steps may read it too.
    Output(usize),
    /// Index in [`Program::constants`]. Steps only read it.
    Constant(usize),
    /// Byte offset in the arena, a multiple of 256. A step's outputs never overlap what it reads.
    Arena {
        /// The offset.
        offset: usize,
    },
}

/// One kernel to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it computes.
    pub kernel: Kernel,
    /// What it writes; one value except for some [`Kernel::Operator`]s.
    pub outputs: Vec<ValueId>,
    /// Where in the model it stands: the label of the last node in it.
    pub label: String,
}

/// The computations of a program.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// Product with a matrix, bias, activation, sum.
    Linear(Linear),
    /// Scaled dot-product attention of all heads.
    Attention(Attention),
    /// Normalisation of the last axis.
    LayerNormalization(LayerNormalization),
    /// Element-wise operators in one.
    Pointwise(Pointwise),
    /// One operator as the graph has it, with program values as operands; see [`Program::call`].
    Operator {
        /// The operator.
        operator: &'static Operator,
        /// One per parameter.
        arguments: Vec<Argument<ValueId>>,
    },
}

/// `output[r, c] = activation(Σᵢ input[r, i] · weight[i, c] + bias[c]) + residual[r, c]`
///
/// float32 or float16 throughout. Every tensor is packed: `rows` is the product of all axes but the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Rows of input and output.
    pub rows: usize,
    /// Columns of the input.
    pub inner: usize,
    /// Columns of the output.
    pub columns: usize,
    /// `[rows, inner]`
    pub input: ValueId,
    /// `[columns, inner]` where `transposed`, else `[inner, columns]`. Usually a constant, but any value may be.
    pub weight: ValueId,
    /// True for weights stored as PyTorch's `Linear` does.
    pub transposed: bool,
    /// `[columns]`
    pub bias: Option<ValueId>,
    /// Its `Input(0)` is the product plus bias; it has no other inputs.
    pub activation: Option<Expression>,
    /// `[rows, columns]`, added last.
    pub residual: Option<ValueId>,
}

/// `output[b, q, h, :] = Σₖ softmaxₖ(scale · query[b, q, h, :] · key[b, k, h, :] + mask[b, h, q, k]) · value[b, k, h, :]`
///
/// The output is packed `[batch, query_length, heads, value_size]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Batch.
    pub batch: usize,
    /// Heads of the query, the keys and the values.
    pub heads: usize,
    /// Positions of the query.
    pub query_length: usize,
    /// Positions of keys and values.
    pub key_length: usize,
    /// Size of one head of query and key.
    pub head_size: usize,
    /// Size of one head of the values.
    pub value_size: usize,
    /// Queries.
    pub query: HeadsView,
    /// Keys.
    pub key: HeadsView,
    /// Values.
    pub value: HeadsView,
    /// Added to the scaled products: a value and its strides, in elements, over `[batch, heads, query, key]`; 0 broadcasts.
    pub mask: Option<(ValueId, [usize; 4])>,
    /// Factor of the products.
    pub scale: f64,
}

/// Heads inside a tensor: element `(b, s, h, d)` lies at `offset + b·batch_stride + s·row_stride + h·head_stride + d`, in elements.
///
/// After the products of query, key and value are merged, all three are views of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadsView {
    /// The tensor.
    pub value: ValueId,
    /// Of the first element.
    pub offset: usize,
    /// From one batch to the next; 0 where there is one.
    pub batch_stride: usize,
    /// From one position to the next; 0 where there is one.
    pub row_stride: usize,
    /// From one head to the next; 0 where there is one.
    pub head_stride: usize,
}

/// `output = (input - mean) / sqrt(variance + epsilon) · scale + bias` over the last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormalization {
    /// Product of all axes but the last.
    pub rows: usize,
    /// Size of the last axis.
    pub columns: usize,
    /// `[rows, columns]`
    pub input: ValueId,
    /// `[columns]`; 1 if absent.
    pub scale: Option<ValueId>,
    /// `[columns]`; 0 if absent.
    pub bias: Option<ValueId>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// `output[i] = expression(inputs[0][i], inputs[1][i], …)` for every index `i` of `shape`.
///
/// Inputs are read through strided views, so transpose, slice, split and expand are a pointwise copy, or part of one that reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointwise {
    /// Shape of the packed output, of rank 1 at least; axes that all inputs walk alike are merged.
    pub shape: Vec<usize>,
    /// What [`super::Operation::Input`] names.
    pub inputs: Vec<PointwiseInput>,
    /// What is computed of one element of each.
    pub expression: Expression,
}

/// An input of a [`Pointwise`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointwiseInput {
    /// The tensor.
    pub value: ValueId,
    /// Of the first element, in elements.
    pub offset: usize,
    /// In elements, one per axis of [`Pointwise::shape`]; 0 broadcasts.
    pub strides: Vec<usize>,
}

impl Kernel {
    /// Every tensor that it reads, in a fixed order, with repetitions.
    pub fn reads(&self) -> Vec<ValueId> {
        match self {
            Kernel::Linear(linear) => {
                [Some(linear.input), Some(linear.weight), linear.bias, linear.residual].into_iter().flatten().collect()
            }
            Kernel::Attention(attention) => {
                let mask = attention.mask.map(|(value, _)| value);
                [attention.query.value, attention.key.value, attention.value.value].into_iter().chain(mask).collect()
            }
            Kernel::LayerNormalization(norm) => [Some(norm.input), norm.scale, norm.bias].into_iter().flatten().collect(),
            Kernel::Pointwise(pointwise) => pointwise.inputs.iter().map(|input| input.value).collect(),
            Kernel::Operator { arguments, .. } => arguments.iter().flat_map(|argument| argument.operands().iter().copied()).collect(),
        }
    }

    /// The same kernel with the tensors that it reads replaced.
    pub(super) fn map_reads(mut self, mut map: impl FnMut(ValueId) -> ValueId) -> Self {
        let mut replace = |value: &mut ValueId| *value = map(*value);
        match &mut self {
            Kernel::Linear(linear) => {
                replace(&mut linear.input);
                replace(&mut linear.weight);
                linear.bias.as_mut().map(&mut replace);
                linear.residual.as_mut().map(&mut replace);
            }
            Kernel::Attention(attention) => {
                replace(&mut attention.query.value);
                replace(&mut attention.key.value);
                replace(&mut attention.value.value);
                attention.mask.iter_mut().for_each(|(value, _)| replace(value));
            }
            Kernel::LayerNormalization(norm) => {
                replace(&mut norm.input);
                norm.scale.as_mut().map(&mut replace);
                norm.bias.as_mut().map(&mut replace);
            }
            Kernel::Pointwise(pointwise) => pointwise.inputs.iter_mut().for_each(|input| replace(&mut input.value)),
            Kernel::Operator { arguments, .. } => {
                *arguments = arguments.iter().map(|argument| argument.map(|value| map(*value))).collect();
            }
        }
        self
    }

    /// For people: `linear`, `attention`, …, or the operator's name.
    pub fn name(&self) -> &'static str {
        match self {
            Kernel::Linear(_) => "linear",
            Kernel::Attention(_) => "attention",
            Kernel::LayerNormalization(_) => "layer_normalization",
            Kernel::Pointwise(_) => "pointwise",
            Kernel::Operator { operator, .. } => operator.name,
        }
    }
}

impl Program {
    /// One value's type and shape.
    pub fn descriptor(&self, value: ValueId) -> &OperandDescriptor {
        &self.values[value.0 as usize].descriptor
    }

    /// Where a value lies.
    pub fn place(&self, value: ValueId) -> Place {
        self.buffers[self.values[value.0 as usize].buffer.0 as usize].place
    }

    /// A [`Kernel::Operator`] step as its rule and reference kernel see it; nothing for fused kernels.
    pub fn call<'a>(&'a self, step: &'a Step) -> Option<Call<'a>> {
        match &step.kernel {
            Kernel::Operator { operator, arguments } => Some(Call { operator, arguments, values: self }),
            _ => None,
        }
    }

    /// Kernels that a run starts: the steps.
    pub fn dispatches(&self) -> usize {
        self.steps.len()
    }

    /// Bytes of all intermediate values, as planned.
    pub fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// Bytes of all constants: weights, and tensors that the graph holds itself.
    pub fn weight_bytes(&self) -> usize {
        self.constants.iter().map(|constant| constant.descriptor.byte_length()).sum()
    }
}

impl Descriptors for Program {
    fn descriptor(&self, value: ValueId) -> &OperandDescriptor {
        Program::descriptor(self, value)
    }
}

/// One line per step: equal programs print equal text.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let list = |values: &[ValueId]| values.iter().map(|value| format!("%{}", value.0)).collect::<Vec<_>>().join(", ");
            write!(f, "{} = {}({})", list(&step.outputs), step.kernel.name(), list(&step.kernel.reads()))?;
            match &step.kernel {
                Kernel::Linear(linear) => {
                    write!(f, " {}×{}×{}", linear.rows, linear.inner, linear.columns)?;
                    let parts = [
                        (linear.bias.is_some(), String::from(" + bias")),
                        (
                            linear.activation.is_some(),
                            format!(" → {}", linear.activation.as_ref().map(ToString::to_string).unwrap_or_default()),
                        ),
                        (linear.residual.is_some(), String::from(" + residual")),
                    ];
                    parts.iter().filter(|(there, _)| *there).try_for_each(|(_, text)| f.write_str(text))?;
                }
                Kernel::Pointwise(pointwise) => write!(f, " {:?} {}", pointwise.shape, pointwise.expression)?,
                _ => write!(f, " {}", self.descriptor(step.outputs[0]))?,
            }
            writeln!(f, "  # {}", step.label)?;
        }
        writeln!(f, "{} dispatches, {} arena bytes, {} constant bytes", self.dispatches(), self.arena_bytes, self.weight_bytes())
    }
}

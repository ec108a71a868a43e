//! Element-wise operators whose other operands are spread over blocks or channels: quantisation and batch normalisation.

use super::super::dispatch::Dispatch;
use super::super::lower::Options;
use super::super::shader::{Shader, Tensor};
use super::element::{Form, coordinates, element, packed_strides};
use super::expression::{cast, literal};
use crate::error::Result;
use crate::graph::DataType;

/// `let block = …`: the element of a tensor of this shape that serves element `i`; every size divides the other.
fn block(shape: &[usize], blocks: &[usize]) -> String {
    let mut terms = vec![String::from("0u")];
    for (axis, stride) in packed_strides(blocks).iter().enumerate().filter(|(axis, _)| blocks[*axis] > 1) {
        terms.push(format!("o{axis} / {}u * {stride}u", shape[axis] / blocks[axis]));
    }
    format!("{}let block = {};\n", coordinates("o", "i", shape), terms.join(" + "))
}

/// Integers as floats or floats as integers, block by block.
pub(in crate::backends::webgpu) struct Quantization<'a> {
    pub(in crate::backends::webgpu) input: (&'a Tensor, DataType),
    pub(in crate::backends::webgpu) scale: &'a Tensor,
    pub(in crate::backends::webgpu) zero_point: &'a Tensor,
    pub(in crate::backends::webgpu) output: (&'a Tensor, DataType),
    pub(in crate::backends::webgpu) shape: &'a [usize],
    pub(in crate::backends::webgpu) blocks: &'a [usize],
}

impl Quantization<'_> {
    /// `(input - zero_point) · scale`, or the other way round where the input is a float.
    pub(in crate::backends::webgpu) fn dispatch(&self, options: &Options, label: &str) -> Result<Dispatch> {
        let mut shader = Shader::new(options, label);
        shader.read("input", self.input.0, 1);
        shader.read("scale", self.scale, 1);
        shader.read("zero_point", self.zero_point, 1);
        let (tensor, data_type) = self.output;
        let formula = if self.input.1.is_float() {
            self.quantized(data_type)
        } else {
            // The difference of 32-bit integers may leave them: it is one of floats, exact for small ones.
            let difference = match self.input.1 {
                DataType::Int32 | DataType::Uint32 => {
                    "let x = input(i);\nlet zero = zero_point(block);\nlet less = x < zero;\n\
                     let size = select(bitcast<u32>(x) - bitcast<u32>(zero), bitcast<u32>(zero) - bitcast<u32>(x), less);\n\
                     let difference = select(f32(size), -f32(size), less);\n"
                }
                _ => "let difference = f32(i32(input(i)) - i32(zero_point(block)));\n",
            };
            format!("{difference}return difference * scale(block);\n")
        };
        let body = format!("fn element(i: u32) -> {} {{\n{}{formula}}}\n", tensor.storage.scalar(), block(self.shape, self.blocks));
        element(shader, tensor, Form::One, &body, options)
    }

    /// Small integers are added to as floats, which hold them; of 32 bits the sum is one of integers that stops at their range.
    fn quantized(&self, data_type: DataType) -> String {
        let whole = "let whole = round(input(i) / scale(block));\n";
        match data_type {
            DataType::Int32 => format!(
                "{whole}let x = {};\nlet zero = zero_point(block);\nlet sum = x + zero;\n\
                 return select(select(sum, 2147483647, zero > 0 && sum < x), -2147483647 - 1, zero < 0 && sum > x);\n",
                cast("whole", DataType::Float32, DataType::Int32, 1)
            ),
            DataType::Uint32 => format!(
                "{whole}let zero = zero_point(block);\nlet size = m_uint(abs(whole));\nlet sum = size + zero;\n\
                 let down = select(zero - size, 0u, size > zero);\nreturn select(select(sum, 4294967295u, sum < zero), down, whole < 0.0);\n"
            ),
            _ => format!("{whole}return {};\n", cast("(whole + f32(zero_point(block)))", DataType::Float32, data_type, 1)),
        }
    }
}

/// Statistics and factors of the channels; `scale` and `bias` may be absent.
pub(in crate::backends::webgpu) struct BatchNormalization<'a> {
    pub(in crate::backends::webgpu) input: &'a Tensor,
    pub(in crate::backends::webgpu) mean: &'a Tensor,
    pub(in crate::backends::webgpu) variance: &'a Tensor,
    pub(in crate::backends::webgpu) scale: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) bias: Option<&'a Tensor>,
    pub(in crate::backends::webgpu) output: &'a Tensor,
    pub(in crate::backends::webgpu) channels: usize,
    /// Elements from one channel to the next.
    pub(in crate::backends::webgpu) inner: usize,
    pub(in crate::backends::webgpu) epsilon: f64,
}

impl BatchNormalization<'_> {
    pub(in crate::backends::webgpu) fn dispatch(&self, options: &Options, label: &str) -> Result<Dispatch> {
        let mut shader = Shader::new(options, label);
        shader.read("input", self.input, 1);
        shader.read("mean", self.mean, 1);
        shader.read("variance", self.variance, 1);
        let mut end = String::new();
        for (name, tensor, sign) in [("scale", self.scale, "*"), ("bias", self.bias, "+")] {
            if let Some(tensor) = tensor {
                shader.read(name, tensor, 1);
                end.push_str(&format!(" {sign} {name}(c)"));
            }
        }
        let body = format!(
            "fn element(i: u32) -> f32 {{\nlet c = i / {}u % {}u;\n\
             return (input(i) - mean(c)) / sqrt(variance(c) + {}){end};\n}}\n",
            self.inner,
            self.channels,
            literal(self.epsilon, "f32")
        );
        element(shader, self.output, Form::One, &body, options)
    }
}

//! A tensor with a border.

use super::rule::one_per_axis;
use crate::graph::{Call, OperandDescriptor, operator};

operator! {
    /// The tensor with elements added before and after each axis.
    ///
    /// **Shapes** size `k` grows by `beginning_padding[k] + ending_padding[k]`.
    /// **Types** all.
    /// **Errors** paddings that are not one per axis; an unknown mode; a reflection of more than the axis holds.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pad>
    pad "pad" PAD (input: operand, beginning_padding: ints, ending_padding: ints)
    options PadOptions {
        /// `constant`, `edge` or `reflection`.
        mode: text = "constant",
        /// What `constant` adds.
        value: float = 0.0,
    }
    rule rule;
    kernel kernel;
    wgsl wgsl;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let input = call.operand("input");
    let (before, after) = (call.ints("beginning_padding"), call.ints("ending_padding"));
    one_per_axis("beginning_padding", before, input.rank())?;
    one_per_axis("ending_padding", after, input.rank())?;
    let mode = call.text("mode");
    if !["constant", "edge", "reflection"].contains(&mode) {
        return Err(format!("`mode` must be constant, edge or reflection, found `{mode}`"));
    }
    let mut shape = input.shape.clone();
    for axis in 0..shape.len() {
        if mode == "reflection" && (before[axis] >= shape[axis] || after[axis] >= shape[axis]) {
            return Err(format!("axis {axis} of size {} cannot be reflected by {} and {}", shape[axis], before[axis], after[axis]));
        }
        let padded = shape[axis].checked_add(before[axis]).and_then(|size| size.checked_add(after[axis]));
        shape[axis] = padded.ok_or_else(|| format!("axis {axis} becomes too large"))?;
    }
    Ok(vec![OperandDescriptor { data_type: input.data_type, shape }])
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, each_index, for_type, strides};
    let shape = &arguments.operand("input").shape;
    let before = arguments.ints("beginning_padding");
    let packed = strides(shape);
    let mode = arguments.text("mode");
    // The place that index `index` of an axis of `size` is read from, after `before` added ones; nothing for a constant.
    let place = |index: usize, before: usize, size: usize| -> Option<usize> {
        let (index, last) = (index as isize - before as isize, size as isize - 1);
        let place = match mode {
            _ if (0..=last).contains(&index) => index,
            "edge" => index.clamp(0, last),
            "reflection" if index < 0 => -index,
            "reflection" => 2 * last - index,
            _ => return None,
        };
        Some(place as usize)
    };
    for_type!(outputs[0].descriptor.data_type, T => {
        let value = T::from_f64(arguments.float("value"));
        let input = arguments.get::<T>("input");
        let output_shape = outputs[0].shape().to_vec();
        let output = outputs[0].elements::<T>();
        each_index(&output_shape, |number, index| {
            let places = index.iter().enumerate().map(|(axis, &index)| place(index, before[axis], shape[axis]).map(|place| place * packed[axis]));
            output[number] = places.sum::<Option<usize>>().map_or(value, |place| input[place]);
        });
    })
}

#[cfg(feature = "webgpu")]
fn wgsl(emitter: &mut crate::backends::webgpu::Emitter<'_>) -> crate::Result<()> {
    use crate::backends::webgpu::{Storage, literal_of, remap};
    let (descriptor, before, mode) = (emitter.operand("input"), emitter.ints("beginning_padding"), emitter.text("mode"));
    let value = literal_of(emitter.float("value"), descriptor.data_type);
    let raw = match Storage::of(descriptor.data_type) {
        Storage::F16 => format!("m_half_bits({value})"),
        Storage::F32 | Storage::I32 | Storage::I8 | Storage::I4 => format!("bitcast<u32>({value})"),
        _ => value,
    };
    let output_shape = emitter.output_shape();
    remap(emitter, &|axis, o| {
        let (before, size) = (before[axis], descriptor.shape[axis]);
        if before == 0 && output_shape[axis] == size {
            return format!("let a{axis} = {o};\n");
        }
        let last = size as isize - 1;
        let rest = match mode {
            "edge" => format!("let a{axis} = clamp(x{axis}, 0, {last});\n"),
            "reflection" => {
                format!("let b{axis} = abs(x{axis});\nlet a{axis} = select(b{axis}, {} - b{axis}, b{axis} > {last});\n", 2 * last)
            }
            _ => format!("if (x{axis} < 0 || x{axis} >= {size}) {{ return {raw}; }}\nlet a{axis} = x{axis};\n"),
        };
        format!("let x{axis} = i32({o}) - {before};\n{rest}")
    })
}

//! Elements held between two bounds.

use crate::digits::digits;
use crate::graph::{Call, DataType, OperandDescriptor, operator};

operator! {
    /// Elements held between two bounds. `output = min(max(input, min_value), max_value)`
    ///
    /// **Shapes** as the input.
    /// **Types** all.
    /// **Errors** a minimum above the maximum.
    /// **Source** <https://www.w3.org/TR/webnn/#api-mlgraphbuilder-clamp>
    clamp "clamp" CLAMP (input: operand)
    options ClampOptions {
        /// The lower bound; none if absent or NaN.
        min_value: float,
        /// The upper bound; none if absent or NaN.
        max_value: float,
    }
    rule rule;
    kernel kernel;
    wgsl crate::backends::webgpu::elementwise;
}

fn rule(call: &Call<'_>) -> Result<Vec<OperandDescriptor>, String> {
    let (minimum, maximum) = bounds(call);
    if minimum > maximum {
        return Err(format!("`min_value` {} is above `max_value` {}", digits(minimum), digits(maximum)));
    }
    Ok(vec![call.operand("input").clone()])
}

/// The bounds of a call in the input's type, infinite where there is none.
pub(crate) fn bounds(call: &Call<'_>) -> (f64, f64) {
    let round = |number: f64| if call.operand("input").data_type == DataType::Float32 { f64::from(number as f32) } else { number };
    let bound = |name: &str, none: f64| call.optional_float(name).filter(|number| !number.is_nan()).map_or(none, round);
    (bound("min_value", f64::NEG_INFINITY), bound("max_value", f64::INFINITY))
}

#[cfg(feature = "cpu")]
fn kernel(arguments: &crate::backends::cpu::Arguments<'_>, outputs: &mut [crate::backends::cpu::Output<'_>]) {
    use crate::backends::cpu::{Number, for_type};
    for_type!(outputs[0].descriptor.data_type, T => {
        let (minimum, maximum) = bounds(arguments);
        let (minimum, maximum) = (T::from_f64(minimum), T::from_f64(maximum));
        let input = arguments.get::<T>("input").iter();
        outputs[0].elements::<T>().iter_mut().zip(input).for_each(|(output, x)| *output = x.greater(minimum).lesser(maximum));
    })
}

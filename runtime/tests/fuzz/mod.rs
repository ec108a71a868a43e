//! Differential fuzzing: random graphs of random operators, by the reference kernels and by a device.
//!
//! How far two right results may lie apart depends on the graph. So the reference runs again on data moved by a few roundings: what an element
//! moves by then, times a margin, is its tolerance. An element that such a move makes infinite or not a number, or tips over an edge (`floor`, a
//! comparison, an index), is held to nothing tighter than that.

mod generate;

use half::f16;
use ipfs_accelerate_runtime::backends::cpu::run_reference;
use ipfs_accelerate_runtime::session::Device;
use ipfs_accelerate_runtime::weights::Fit;
use ipfs_accelerate_runtime::{DataType, Error, Tensor};

/// What came of one seed.
pub(crate) enum Verdict {
    Same,
    Unsupported(String),
    /// The graph's text and the difference.
    Different(String),
}

/// Seeds on which something once went wrong: they run first, always.
pub(crate) const KEPT: &[u64] = &[7096];

/// The graph of a seed, computed by the reference and by a device.
pub(crate) fn compare(seed: u64, device: &Device) -> Verdict {
    let case = generate::case(seed, 0);
    let reference = |variant: u64| {
        let case = generate::case(seed, variant);
        run_reference(&case.graph, |name| Ok(case.inputs[name].clone()))
            .map(|outputs| outputs.into_iter().map(|(_, tensor)| numbers(&tensor)).collect())
    };
    let variants: Result<Vec<Vec<Vec<f64>>>, Error> = (0..7).map(reference).collect();
    let inputs: Vec<(&str, Tensor)> = case.inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
    let found = pollster::block_on(async {
        device.check(&case.graph)?;
        device.compile(&case.graph, &Fit::default()).await?.run(&inputs).await
    });
    let (variants, found) = match (variants, found) {
        (Ok(variants), Ok(found)) => (variants, found),
        (_, Err(Error::Unsupported { operator, reason, .. })) => return Verdict::Unsupported(format!("{operator}: {reason}")),
        (Err(error), _) | (_, Err(error)) => return Verdict::Different(format!("{error}\n{}", case.graph)),
    };
    let halves = case.graph.values().iter().any(|value| value.descriptor.data_type == DataType::Float16);
    for (index, (name, tensor)) in found.iter().enumerate() {
        let found = numbers(tensor);
        for (element, number) in found.iter().enumerate() {
            let expected: Vec<f64> = variants.iter().map(|variant| variant[index][element]).collect();
            if !close(&expected, *number, halves, tensor.data_type()) {
                let reason = format!("`{name}` element {element}: expected {} (moved: {:?}), found {number}", expected[0], &expected[1..]);
                let data: Vec<String> = inputs.iter().map(|(name, tensor)| format!("{name}: {:?}\n", numbers(tensor))).collect();
                return Verdict::Different(format!("{reason}\n{}{}", case.graph, data.concat()));
            }
        }
    }
    Verdict::Same
}

/// True where a number is the reference's first, as far as the others leave that certain.
fn close(expected: &[f64], found: f64, halves: bool, data_type: DataType) -> bool {
    let first = expected[0];
    if expected.iter().any(|number| !number.is_finite()) {
        let certain = expected.iter().all(|number| number == &first || number.is_nan() && first.is_nan());
        return !certain || found == first || found.is_nan() && first.is_nan();
    }
    let moved = expected.iter().map(|number| (number - first).abs()).fold(0.0, f64::max);
    let (relative, least) = match (data_type.is_float(), halves) {
        (false, _) => (0.0, 0.0),
        // What float32's own `0.5 * x * (1 + erf(x / √2))` loses far out is within it.
        (true, false) => (2e-5, 1e-6),
        (true, true) => (4e-3, 1e-6),
    };
    // An overflow at the very end of the range.
    let overflow = found.is_infinite() && first.abs() > if halves { 65000.0 } else { 3.39e38 };
    overflow || (found - first).abs() <= 4.0 * moved + relative * first.abs() + least
}

/// The elements as float64; of 4-bit types their bits.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    macro_rules! all {
        ($type:ty) => {
            tensor.as_slice::<$type>().into_iter().flatten().map(|x| *x as f64).collect()
        };
    }
    match tensor.data_type() {
        DataType::Float32 => all!(f32),
        DataType::Float16 => tensor.as_slice::<f16>().into_iter().flatten().map(|x| x.to_f64()).collect(),
        DataType::Int32 => all!(i32),
        DataType::Uint32 => all!(u32),
        DataType::Int64 => all!(i64),
        DataType::Uint64 => all!(u64),
        DataType::Int8 => all!(i8),
        DataType::Uint8 => all!(u8),
        DataType::Int4 | DataType::Uint4 => {
            let nibble = |index: usize| f64::from(tensor.bytes()[index / 2] >> (4 * (index % 2)) & 15);
            (0..tensor.descriptor().element_count()).map(nibble).collect()
        }
    }
}

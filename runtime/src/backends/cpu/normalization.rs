//! Layer normalisation of the last axis in float32, rows in parallel.

use rayon::prelude::*;

use super::math;
use crate::optimize::LayerNormalization;

/// Normalises every row into `output`.
pub(super) fn run(norm: &LayerNormalization, input: &[f32], scale: Option<&[f32]>, bias: Option<&[f32]>, output: &mut [f32]) {
    if norm.columns == 0 {
        return;
    }
    let rows = input.par_chunks(norm.columns).zip(output.par_chunks_mut(norm.columns)).with_min_len(8);
    rows.for_each(|(input, output)| {
        math::dispatch(
            #[inline(always)]
            || {
                let count = norm.columns as f32;
                let mean = math::sum(input, |x| x) / count;
                let variance = math::sum(input, |x| (x - mean) * (x - mean)) / count;
                // In float64: the tiny epsilons of published models vanish beside nothing else.
                let factor = (1.0 / (f64::from(variance) + norm.epsilon).sqrt()) as f32;
                match (scale, bias) {
                    (Some(scale), Some(bias)) => {
                        for ((output, x), (scale, bias)) in output.iter_mut().zip(input).zip(scale.iter().zip(bias)) {
                            *output = (x - mean) * factor * scale + bias;
                        }
                    }
                    _ => {
                        for (index, (output, x)) in output.iter_mut().zip(input).enumerate() {
                            let scaled = (x - mean) * factor * scale.map_or(1.0, |scale| scale[index]);
                            *output = scaled + bias.map_or(0.0, |bias| bias[index]);
                        }
                    }
                }
            },
        );
    });
}

//! float32 functions over slices, vectorised by the compiler for the widest vectors the processor has.
//!
//! Accurate to a few units in the last place: tests hold them against float64. No reassociation of what a caller wrote.

use pulp::Arch;

/// `self · a + b`, rounded once where the processor does that in one instruction. WebAssembly's SIMD does not, and its scalar call is hundreds of
/// instructions: there it is two roundings, a unit in the last place or two away.
trait Fused {
    fn fused(self, a: Self, b: Self) -> Self;
}

impl Fused for f32 {
    #[inline(always)]
    fn fused(self, a: f32, b: f32) -> f32 {
        if cfg!(target_family = "wasm") { self * a + b } else { self.mul_add(a, b) }
    }
}

/// `exp(x)`: reduced by powers of two, then a polynomial (after N. Juffa).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let bounded = x.clamp(-104.0, 89.0);
    // Adding this rounds to a whole number, which then stands in the lowest bits: no conversion, which would have to mind every number.
    const SHIFT: f32 = 12_582_912.0;
    let shifted = bounded * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let f = n.fused(-6.931_457_5e-1, bounded);
    let f = n.fused(-1.428_606_8e-6, f);
    let p = 1.378_059_4e-3_f32;
    let p = p.fused(f, 8.373_124_5e-3);
    let p = p.fused(f, 4.166_953_6e-2);
    let p = p.fused(f, 1.666_647_2e-1);
    let p = p.fused(f, 4.999_998_5e-1);
    let p = p.fused(f, 1.0);
    let p = p.fused(f, 1.0);
    // 2ⁿ in two factors, since n may lie outside the range of one exponent.
    let n = (shifted.to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    let result = p * power(half) * power(n - half);
    if x.is_nan() { x } else { result }
}

/// The error function (after N. Juffa): a polynomial near 0, `1 - exp(…)` further out.
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let (t, s) = (x.abs(), x * x);
    let far = (-1.728_534_7e-5_f32).fused(t, 3.831_974_7e-4);
    let u = (-3.883_963_8e-3_f32).fused(t, 2.425_462_2e-2);
    let far = far.fused(s, u);
    let far = far.fused(t, -1.067_778_8e-1);
    let far = far.fused(t, -6.348_467e-1);
    let far = far.fused(t, -1.287_175_1e-1);
    let far = far.fused(t, -t);
    let far = (1.0 - exp(far)).copysign(x);
    let near = -5.967_617e-4_f32;
    let near = near.fused(s, 4.991_194_2e-3);
    let near = near.fused(s, -2.676_813_5e-2);
    let near = near.fused(s, 1.128_199_25e-1);
    let near = near.fused(s, -3.761_253_4e-1);
    let near = near.fused(s, 1.283_791_7e-1);
    let near = near.fused(x, x);
    if t > 0.927_734_4 { far } else { near }
}

/// `tanh(x)`: a polynomial near 0 (after Cephes), by exponentials further out.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let (t, s) = (x.abs(), x * x);
    let far = (1.0 - 2.0 / (exp(2.0 * t) + 1.0)).copysign(x);
    let near = -5.704_988_7e-3_f32;
    let near = near.fused(s, 2.063_909e-2);
    let near = near.fused(s, -5.373_971_6e-2);
    let near = near.fused(s, 1.333_144_2e-1);
    let near = near.fused(s, -3.333_328e-1);
    let near = (near * s).fused(x, x);
    if t > 0.625 || x.is_nan() { far } else { near }
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `0.5 · x · (1 + erf(x / √2))`, with the error function of WebGPU's kernels (a rational function, within 3e-7): where the sum cancels, the result
/// is that function's rounding more than anything, and both are to give the same.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let t = x * std::f32::consts::FRAC_1_SQRT_2;
    let c = t.clamp(-3.743_921, 3.743_921);
    let s = c * c;
    let p = 2.290_506_5e-4_f32.fused(s, 3.408_291e-3);
    let p = p.fused(s, 5.095_569_5e-2);
    let p = p.fused(s, 1.852_083_2e-1);
    // The last coefficient is fitted: one step below 2 / √π.
    let p = p.fused(s, std::f32::consts::FRAC_2_SQRT_PI.next_down()) * c;
    let q = (-1.179_160_3e-7_f32).fused(s, 2.354_796_6e-5);
    let q = q.fused(s, 1.017_962_6e-3);
    let q = q.fused(s, 1.407_047e-2);
    let q = q.fused(s, 1.109_850_5e-1);
    let q = q.fused(s, 4.974_692_5e-1);
    let q = q.fused(s, 1.0);
    let erf = if t.abs() > 3.75 { t.signum() } else { p / q };
    0.5 * x * (1.0 + erf)
}

/// `function` of every element, in place. Pass the function itself, not a pointer to it, so that it is vectorised.
#[inline(always)]
pub(super) fn map(values: &mut [f32], function: impl Fn(f32) -> f32) {
    Arch::new().dispatch(
        #[inline(always)]
        || values.iter_mut().for_each(|value| *value = function(*value)),
    );
}

/// `values += others`
pub(super) fn add(values: &mut [f32], others: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || values.iter_mut().zip(others).for_each(|(value, other)| *value += other),
    );
}

/// `values += factor · others`
pub(super) fn add_scaled(values: &mut [f32], factor: f32, others: &[f32]) {
    dispatch(
        #[inline(always)]
        || values.iter_mut().zip(others).for_each(|(value, other)| *value = other.fused(factor, *value)),
    );
}

/// Partial sums that the compiler may keep in one vector.
const PARTS: usize = 16;

/// The sum of `term` of every element, in [`PARTS`] interleaved parts. To be called inside [`dispatch`].
#[inline(always)]
pub(super) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut parts = [0f32; PARTS];
    let chunks = values.chunks_exact(PARTS);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += term(*value);
        }
    }
    for (part, value) in parts.iter_mut().zip(rest) {
        *part += term(*value);
    }
    let mut width = PARTS;
    while width > 1 {
        width /= 2;
        for index in 0..width {
            parts[index] += parts[index + width];
        }
    }
    parts[0]
}

/// The greatest element; NaN if there is one.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let mut parts = [f32::NEG_INFINITY; PARTS];
    let greater = |a: f32, b: f32| if a > b || a.is_nan() { a } else { b };
    let chunks = values.chunks_exact(PARTS);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = greater(*value, *part);
        }
    }
    for (part, value) in parts.iter_mut().zip(rest) {
        *part = greater(*value, *part);
    }
    parts.into_iter().fold(f32::NEG_INFINITY, |max, part| greater(part, max))
}

/// Runs a body compiled for the widest vectors; what it calls must be `inline(always)`.
#[inline(always)]
pub(super) fn dispatch<R>(body: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(body)
}

/// `values = exp(values - max) / Σ`, of one row.
pub(super) fn softmax(values: &mut [f32]) {
    dispatch(
        #[inline(always)]
        || {
            let max = max(values);
            values.iter_mut().for_each(|value| *value = exp(*value - max));
            let factor = 1.0 / sum(values, |value| value);
            values.iter_mut().for_each(|value| *value *= factor);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::number;

    /// The greatest error in units in the last place of the true result.
    fn error(range: std::ops::Range<f32>, function: impl Fn(f32) -> f32, truth: impl Fn(f64) -> f64) -> f64 {
        let steps = 200_000;
        let mut worst = 0f64;
        for step in 0..=steps {
            let x = range.start + (range.end - range.start) * step as f32 / steps as f32;
            let (found, truth) = (f64::from(function(x)), truth(f64::from(x)));
            let ulp =
                f64::from((truth as f32).abs().max(f32::MIN_POSITIVE).next_up()) - f64::from((truth as f32).abs().max(f32::MIN_POSITIVE));
            worst = worst.max((found - truth).abs() / ulp);
        }
        worst
    }

    #[test]
    fn functions_are_accurate() {
        let found = [
            ("exp", error(-87.0..88.7, super::exp, f64::exp), 1.1),
            ("erf", error(-5.0..5.0, super::erf, number::erf), 1.1),
            ("tanh", error(-10.0..10.0, super::tanh, f64::tanh), 2.5),
            ("sigmoid", error(-80.0..20.0, super::sigmoid, |x| 1.0 / (1.0 + (-x).exp())), 3.0),
        ];
        for (name, error, bound) in found {
            assert!(error <= bound, "{name}: {error:.2} ulp, at most {bound}");
        }
    }

    #[test]
    fn functions_at_the_ends() {
        assert_eq!((super::exp(f32::NEG_INFINITY), super::exp(f32::INFINITY)), (0.0, f32::INFINITY));
        assert_eq!((super::exp(-103.0), super::exp(89.0)), ((-103f32).exp(), f32::INFINITY));
        assert_eq!((super::erf(40.0), super::erf(f32::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((super::tanh(100.0), super::tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        for function in [super::exp, super::erf, super::tanh, super::sigmoid, super::gelu] {
            assert!(function(f32::NAN).is_nan());
        }
    }

    #[test]
    fn softmax_of_huge_and_masked() {
        let mut values = [f32::MIN, f32::MIN, 3e38, 3e38];
        super::softmax(&mut values);
        assert_eq!(values, [0.0, 0.0, 0.5, 0.5]);
        let mut masked = [f32::MIN; 20];
        super::softmax(&mut masked);
        assert_eq!(masked, [0.05; 20]);
    }
}

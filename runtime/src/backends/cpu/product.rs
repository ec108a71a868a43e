//! The inner kernel of matrix products: rows of a packed panel times a few rows of weights, all sums in registers.
//!
//! The vector runs along the rows of the left side, which is packed so that one load reads a column of it; each weight is
//! read once, where it lies, and spread over a register. So the weights, which are large and used once per run, are never copied.

use pulp::{Simd, WithSimd};

/// Weight rows of one tile.
pub(super) const TILE: usize = 6;
/// Vectors of a full panel, at most.
const VECTORS: usize = 4;

/// Vectors of a full panel here: as many as leave the sums of a tile in registers, of which AVX-512 and Arm have 32 and the others 16.
pub(super) fn vectors() -> usize {
    if lanes() >= 16 || cfg!(target_arch = "aarch64") { VECTORS } else { 2 }
}

/// `sums[c][r] (+)= Σₖ panel[k][r] · weights[c][k]`
pub(super) struct Tile<'a> {
    /// `[inner, vectors × lanes]`
    pub(super) panel: &'a [f32],
    /// Vectors in a panel's row: 1 to [`VECTORS`].
    pub(super) vectors: usize,
    /// `[TILE][inner]`
    pub(super) weights: [&'a [f32]; TILE],
    /// `[TILE, vectors × lanes]`
    pub(super) sums: &'a mut [f32],
    /// Add to what is there.
    pub(super) accumulate: bool,
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.vectors {
            1 => multiply::<S, 1>(simd, self),
            2 => multiply::<S, 2>(simd, self),
            3 => multiply::<S, 3>(simd, self),
            _ => multiply::<S, 4>(simd, self),
        }
    }
}

// On wasm nothing depends on inlining, and an engine's register allocator does better with small functions.
#[cfg_attr(target_family = "wasm", inline(never))]
#[cfg_attr(not(target_family = "wasm"), inline(always))]
#[allow(clippy::needless_range_loop)]
fn multiply<S: Simd, const V: usize>(simd: S, tile: Tile<'_>) {
    let (columns, _) = S::as_simd_f32s(tile.panel).0.as_chunks::<V>();
    // Spelt out, so that the compiler sees that every row is as long as the loop and leaves out the checks.
    let length = columns.len();
    let [a, b, c, d, e, f] = tile.weights;
    let weights = [&a[..length], &b[..length], &c[..length], &d[..length], &e[..length], &f[..length]];
    let mut sums = [[simd.splat_f32s(0.0); V]; TILE];
    // By index, not by zipped iterators: so the sums stay in registers.
    for k in 0..length {
        for row in 0..TILE {
            let weight = simd.splat_f32s(weights[row][k]);
            for vector in 0..V {
                sums[row][vector] = simd.mul_add_e_f32s(columns[k][vector], weight, sums[row][vector]);
            }
        }
    }
    let (output, _) = S::as_mut_simd_f32s(tile.sums);
    for row in 0..TILE {
        for vector in 0..V {
            let output = &mut output[row * V + vector];
            *output = if tile.accumulate { simd.add_f32s(*output, sums[row][vector]) } else { sums[row][vector] };
        }
    }
}

/// Floats of one vector register here.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    pulp::Arch::new().dispatch(Lanes)
}

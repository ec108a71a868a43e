//! The processor as a device: a pool of threads.

use std::sync::Arc;

use super::compile::{Compiled, compile};
use crate::bindings::Bindings;
use crate::error::{Error, Result};
use crate::optimize::{PackedConstant, Program};
use crate::tensor::Tensor;

/// This machine's processor.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) pool: Arc<rayon::ThreadPool>,
}

impl Device {
    /// A pool of this many threads; one per core if absent.
    ///
    /// **Errors** [`Error::Unavailable`] where the system gives no threads.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        let pool = pool(threads).map_err(|error| Error::Unavailable { platform: "cpu".into(), reason: error.to_string() })?;
        Ok(Self { pool })
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Architecture, vector extension and threads: `x86_64 V4, 2 threads`.
    pub fn description(&self) -> String {
        let vectors = format!("{:?}", pulp::Arch::new());
        let vectors = vectors.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
        let threads = self.threads();
        format!("{} {vectors}, {threads} thread{}", std::env::consts::ARCH, if threads == 1 { "" } else { "s" })
    }

    /// Checks that every step can be computed here, takes the constants and allocates all memory that runs need.
    ///
    /// **Errors** [`Error::Unsupported`] for an operator or type that the processor's kernels lack; those of `constant`.
    pub fn compile(&self, program: &Program, constant: &mut dyn FnMut(&PackedConstant) -> Result<Tensor>) -> Result<Compiled> {
        self.compile_bound(program, constant, &Bindings::new())
    }

    /// As [`Self::compile`], with inputs and outputs that outlive a run.
    ///
    /// **Errors** as [`Self::compile`]; [`Error::ForeignTensor`].
    pub fn compile_bound(
        &self,
        program: &Program,
        constant: &mut dyn FnMut(&PackedConstant) -> Result<Tensor>,
        bindings: &Bindings,
    ) -> Result<Compiled> {
        compile(self.clone(), program, constant, bindings)
    }
}

#[cfg(not(target_family = "wasm"))]
fn pool(threads: Option<usize>) -> std::result::Result<Arc<rayon::ThreadPool>, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).thread_name(|index| format!("compute-{index}"));
    pool.build().map(Arc::new)
}

/// A browser's page is one thread: the pool is that thread, and a thread is in one pool for ever.
#[cfg(target_family = "wasm")]
fn pool(_threads: Option<usize>) -> std::result::Result<Arc<rayon::ThreadPool>, rayon::ThreadPoolBuildError> {
    static POOL: std::sync::OnceLock<Arc<rayon::ThreadPool>> = std::sync::OnceLock::new();
    gemm::set_wasm_simd128(cfg!(target_feature = "simd128"));
    if let Some(pool) = POOL.get() {
        return Ok(Arc::clone(pool));
    }
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?);
    Ok(Arc::clone(POOL.get_or_init(|| pool)))
}

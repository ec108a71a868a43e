//! The processor as a device: a pool of threads.

use std::sync::Arc;

use super::compile::{Compiled, compile};
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
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|error| Error::Unavailable { platform: "cpu".into(), reason: error.to_string() })?;
        Ok(Self { pool: Arc::new(pool) })
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
        compile(self.clone(), program, constant)
    }
}

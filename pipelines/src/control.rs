//! How a caller follows a long run and stops it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Inputs, windows or tokens done.
    pub done: usize,
    /// Of how many, where that is known.
    pub total: usize,
}

/// A switch that another thread, or another task of the same one, may throw. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks the run to stop at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once [`Cancellation::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a run reports to, and what it watches.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    /// Called after every step.
    pub progress: Option<&'a dyn Fn(Progress)>,
    /// Looked at before every step.
    pub cancellation: Option<&'a Cancellation>,
}

impl Control<'_> {
    /// **Errors** [`Error::Cancelled`].
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancellation.is_some_and(Cancellation::is_cancelled) { Err(Error::Cancelled) } else { Ok(()) }
    }

    pub(crate) fn report(&self, done: usize, total: usize) {
        if let Some(progress) = self.progress {
            progress(Progress { done, total });
        }
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("progress", &self.progress.is_some()).field("cancellation", &self.cancellation).finish()
    }
}

//! A tensor that outlives a run: the host's memory is the device's.

use std::sync::{Arc, Mutex, PoisonError};

use crate::tensor::Tensor;

/// A tensor that sessions read and replace. Clones are the same tensor.
#[derive(Clone, Debug)]
pub struct Resident(Arc<Mutex<Tensor>>);

impl Resident {
    pub(crate) fn new(initial: &Tensor) -> Self {
        Self(Arc::new(Mutex::new(initial.clone())))
    }

    pub(crate) fn read(&self) -> Tensor {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn write(&self, tensor: &Tensor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tensor.clone();
    }

    /// Takes what a run wrote, and leaves the memory of what was there to the next one.
    pub(super) fn exchange(&self, written: &mut Tensor) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), written);
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

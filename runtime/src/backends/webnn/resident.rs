//! A tensor that outlives a run: one `MLTensor`, or two that change places where a session reads and replaces it.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::device::Shared;
use super::js::{self, Thrown};
use super::tensor::{bytes, describe};
use crate::error::Result;
use crate::graph::OperandDescriptor;
use crate::tensor::Tensor;

/// A tensor of a context. Clones are the same tensor.
#[derive(Clone, Debug)]
pub struct Resident(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Rc<Shared>,
    descriptor: OperandDescriptor,
    pair: RefCell<Pair>,
}

/// The contents, and what the next run writes where a session needs both.
#[derive(Debug)]
struct Pair {
    front: JsValue,
    back: Option<JsValue>,
}

impl Resident {
    pub(super) async fn new(shared: &Rc<Shared>, initial: &Tensor) -> Result<Self> {
        let descriptor = initial.descriptor().clone();
        let front = create(shared, &descriptor).await.map_err(|thrown| shared.error(thrown))?;
        let pair = RefCell::new(Pair { front, back: None });
        let resident = Self(Rc::new(Inner { shared: Rc::clone(shared), descriptor, pair }));
        resident.write(initial)?;
        Ok(resident)
    }

    /// Gives it a second tensor: a session reads it and replaces it.
    pub(super) async fn make_pair(&self) -> Result<()> {
        if self.0.pair.borrow().back.is_none() {
            let back = create(&self.0.shared, &self.0.descriptor).await.map_err(|thrown| self.0.shared.error(thrown))?;
            self.0.pair.borrow_mut().back = Some(back);
        }
        Ok(())
    }

    /// What a run reads, or writes over.
    pub(super) fn front(&self) -> JsValue {
        self.0.pair.borrow().front.clone()
    }

    /// What a run writes that reads the contents too.
    pub(super) fn back(&self) -> JsValue {
        let pair = self.0.pair.borrow();
        pair.back.clone().unwrap_or_else(|| pair.front.clone())
    }

    /// The pair changes places: a run that replaces the contents was queued.
    pub(super) fn exchange(&self) {
        let Pair { front, back } = &mut *self.0.pair.borrow_mut();
        if let Some(back) = back {
            std::mem::swap(front, back);
        }
    }

    pub(super) fn belongs_to(&self, shared: &Rc<Shared>) -> bool {
        Rc::ptr_eq(&self.0.shared, shared)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn write(&self, tensor: &Tensor) -> Result<()> {
        let written = js::call(&self.0.shared.context, "writeTensor", &[&self.front(), &bytes(tensor)]);
        written.map(drop).map_err(|thrown| self.0.shared.error(thrown))
    }

    pub(crate) async fn read(&self, descriptor: &OperandDescriptor) -> Result<Tensor> {
        let shared = &self.0.shared;
        shared.check()?;
        let buffer = js::call_async(&shared.context, "readTensor", &[&self.front()]).await.map_err(|thrown| shared.error(thrown))?;
        Tensor::new(descriptor.clone(), &js_sys::Uint8Array::new(&buffer).to_vec())
    }
}

async fn create(shared: &Shared, descriptor: &OperandDescriptor) -> std::result::Result<JsValue, Thrown> {
    let options = describe(descriptor, [("readable", JsValue::TRUE), ("writable", JsValue::TRUE)]);
    js::call_async(&shared.context, "createTensor", &[&options]).await
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Pair { front, back } = self.pair.get_mut();
        for tensor in std::iter::once(&*front).chain(back.as_ref()) {
            // What cannot be destroyed is left to the garbage collector.
            let _ = js::call(tensor, "destroy", &[]);
        }
    }
}

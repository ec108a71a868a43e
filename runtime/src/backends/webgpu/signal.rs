//! A one-shot future for WebGPU's callbacks, and the thread that lets them happen where no event loop does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::PLATFORM;
use crate::error::{Error, Result};

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    closed: bool,
}

/// The half that a callback owns.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Mutex<State<T>>>);

/// The half that is awaited.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Mutex<State<T>>>);

/// A sender and its receiver.
pub(super) fn signal<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(Mutex::new(State { value: None, waker: None, closed: false }));
    (Sender(Arc::clone(&state)), Receiver(state))
}

/// The lock; what a panic elsewhere left behind is still a whole value here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Sender<T> {
    /// Gives the value.
    pub(super) fn send(self, value: T) {
        lock(&self.0).value = Some(value);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.0);
        if let Some(value) = state.value.take() {
            return Poll::Ready(Ok(value));
        }
        if state.closed {
            return Poll::Ready(Err(Error::Device { platform: PLATFORM.into(), reason: "the device ended before it answered".into() }));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Waits for submitted work on a thread of its own, so that futures neither block nor spin. In a browser the event loop does it.
#[derive(Debug)]
pub(super) struct Poller {
    #[cfg(not(target_family = "wasm"))]
    wake: std::sync::mpsc::Sender<()>,
}

#[cfg(not(target_family = "wasm"))]
impl Poller {
    /// Ends by itself when the poller is dropped.
    pub(super) fn start(device: wgpu::Device) -> Result<Self> {
        let (wake, woken) = std::sync::mpsc::channel();
        let work = move || {
            while woken.recv().is_ok() {
                // One wait serves all that was asked for meanwhile. A lost device answers through its callbacks.
                while woken.try_recv().is_ok() {}
                let _ = device.poll(wgpu::PollType::wait_indefinitely());
            }
        };
        let thread = std::thread::Builder::new().name("webgpu-poll".into()).spawn(work);
        thread.map_err(|error| Error::Device { platform: PLATFORM.into(), reason: format!("no thread to wait on: {error}") })?;
        Ok(Self { wake })
    }

    /// Asks for the callbacks of what has been submitted.
    pub(super) fn wake(&self) {
        // The thread ends only after this sender.
        let _ = self.wake.send(());
    }
}

#[cfg(target_family = "wasm")]
impl Poller {
    pub(super) fn start(_device: wgpu::Device) -> Result<Self> {
        Ok(Self {})
    }

    pub(super) fn wake(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_arrives_from_another_thread() {
        let (sender, receiver) = signal();
        let thread = std::thread::spawn(move || sender.send(5));
        assert_eq!(pollster::block_on(receiver).unwrap(), 5);
        thread.join().unwrap();
    }

    #[test]
    fn a_dropped_sender_is_an_error() {
        let (sender, receiver) = signal::<u32>();
        drop(sender);
        let error = pollster::block_on(receiver).unwrap_err();
        assert!(error.to_string().contains("ended before it answered"), "{error}");
    }
}

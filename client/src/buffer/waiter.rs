//! Callers that wait for something the engine does.
//!
//! A waiter is answered once; whoever comes later finds that it was. A caller that is dropped is seen by
//! [`is_gone`](Waiter::is_gone).

use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::lock;
use crate::Error;

/// A caller that waits for a `T`.
#[derive(Debug)]
pub(crate) struct Waiter<T> {
    reply: Mutex<Option<oneshot::Sender<Result<T, Error>>>>,
    /// How many runs it still waits for, and one until all of them are known.
    left: AtomicUsize,
}

/// The caller's side of a [`Waiter`].
pub(crate) type Awaited<T> = oneshot::Receiver<Result<T, Error>>;

impl<T> Waiter<T> {
    pub(crate) fn new() -> (Arc<Waiter<T>>, Awaited<T>) {
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter {
            reply: Mutex::new(Some(sender)),
            left: AtomicUsize::new(1),
        };
        (Arc::new(waiter), receiver)
    }

    pub(crate) fn answer(&self, result: Result<T, Error>) {
        if let Some(reply) = lock(&self.reply).take() {
            // A caller that was dropped wants no answer.
            let _ = reply.send(result);
        }
    }
}

impl Waiter<()> {
    /// Waits for one more.
    pub(crate) fn expect(&self) {
        self.left.fetch_add(1, AcqRel);
    }

    /// Notes that one of what it waits for has come; the last one answers.
    pub(crate) fn arrived(&self) {
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.answer(Ok(()));
        }
    }
}

/// A waiter of any kind, as those that keep deadlines see it.
pub(crate) trait Waiting: Send + Sync {
    /// Answers with an error.
    fn fail(&self, error: Error);

    /// Returns true if it was answered or its caller was dropped.
    fn is_gone(&self) -> bool;
}

impl<T: Send> Waiting for Waiter<T> {
    fn fail(&self, error: Error) {
        self.answer(Err(error));
    }

    fn is_gone(&self) -> bool {
        lock(&self.reply)
            .as_ref()
            .is_none_or(|reply| reply.is_closed())
    }
}

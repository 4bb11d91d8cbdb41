//! Callers that share a client, of which none may take all of it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::wire::Call;

/// One of several callers of a client, or some of them together. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Group(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    calls: Semaphore,
    sends: Semaphore,
}

impl Group {
    /// Makes a group that has at most so many questions under way at once, and so many batches that it
    /// [sends](Client::send). The others wait, before they take a connection.
    pub fn new(at_once: usize) -> Group {
        let semaphore = || Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS));
        Group(Arc::new(Inner {
            calls: semaphore(),
            sends: semaphore(),
        }))
    }

    /// Makes a call wait until another question of the group is answered, if there are too many.
    pub(super) fn limit_call<T: Send + 'static>(self, call: Call<T>) -> Call<T> {
        Box::pin(async move {
            // It is never closed.
            let _permit = self.0.calls.acquire().await.ok();
            call.await
        })
    }

    /// Makes a batch wait in the same way for other batches of the group.
    pub(super) fn limit_send<T: Send + 'static>(self, call: Call<T>) -> Call<T> {
        Box::pin(async move {
            let _permit = self.0.sends.acquire().await.ok();
            call.await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    async fn is_ready(call: &mut Call<()>) -> bool {
        tokio::select! {
            biased;
            _ = call => true,
            () = tokio::task::yield_now() => false,
        }
    }

    #[tokio::test]
    async fn batch_past_those_of_its_group_waits_and_others_do_not() {
        let (group, other) = (Group::new(1), Group::new(1));
        let endless: Call<()> = Box::pin(pending());
        let now = || -> Call<()> { Box::pin(ready(Ok(()))) };
        let mut first = group.clone().limit_send(endless);
        assert!(!is_ready(&mut first).await);
        assert!(!is_ready(&mut group.clone().limit_send(now())).await);
        assert!(is_ready(&mut group.clone().limit_call(now())).await);
        assert!(is_ready(&mut other.limit_send(now())).await);
        drop(first);
        assert!(is_ready(&mut group.limit_send(now())).await);
    }
}

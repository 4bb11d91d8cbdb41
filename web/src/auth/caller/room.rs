//! What the requests of a caller take: streams, memory, and the right to have a large answer made.

use super::Caller;
use crate::Problem;
use crate::auth::share::Share;
use crate::limit::{ConnectionPermit, Memory};
use crate::memory::unread;

impl Caller {
    /// Takes one of the key's connections, and of those that its tokens may have. The body of an event stream holds it.
    ///
    /// # Errors
    ///
    /// 429 if all are taken.
    pub fn connection(&self) -> Result<ConnectionPermit, Problem> {
        let shares = self.shares();
        let permits = shares.map(|(share, who)| share.streams.take(who));
        let permits = permits.collect::<Result<_, _>>()?;
        Ok(ConnectionPermit::new(
            permits,
            &self.gateway.metrics().streams,
        ))
    }

    /// Returns the memory that its requests may take.
    pub(crate) fn memory(&self) -> &Memory {
        let share = self.share.as_deref();
        &share.unwrap_or(&self.key.own).memory
    }

    /// Waits until the caller may have a large answer made, which it may until the answer is there or
    /// [`made_large`](Caller::made_large).
    ///
    /// # Errors
    ///
    /// - 429 if answers that were not read take the memory of the key, of its tokens, or of the token.
    /// - 503 if they take that of the gateway, or if others are made for the call timeout.
    pub(crate) async fn make_large(&self) -> Result<(), Problem> {
        let mut permits = Vec::new();
        let waiting = async {
            for (share, _) in self.shares() {
                permits.extend(share.large.wait().await);
            }
        };
        let waiting = tokio::time::timeout(self.gateway.limits().call_timeout, waiting);
        let busy = |_| Problem::busy("other large answers are made");
        waiting.await.map_err(busy)?;
        self.memory().answers.check().map_err(unread)?;
        self.held.permit(permits);
        Ok(())
    }

    /// Takes memory for the short form of an answer, before something is changed.
    ///
    /// # Errors
    ///
    /// 429 or 503 if there is none: nothing was changed.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Problem> {
        self.held.reserve(bytes)
    }

    /// Takes memory for an answer of this length. If there is none, it returns false, and the short form is to be sent.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.held.has_room(bytes)
    }

    /// Notes that nothing large is made for now.
    pub(crate) fn made_large(&self) {
        self.held.permit(Vec::new());
    }

    /// Returns the shares of which this caller uses, the smallest first: what one refuses is no use of the others.
    pub(super) fn shares(&self) -> impl Iterator<Item = (&Share, &'static str)> {
        let one = self.share.as_deref();
        let all = one.map(|_| self.key.shares.all());
        let tokens = one.map(|share| (share, "the token has"));
        let tokens = tokens
            .into_iter()
            .chain(all.map(|share| (share, "the tokens of the key have")));
        tokens.chain([(&self.key.own, "the key has")])
    }
}

//! What callers change: batches that take effect exactly once.
//!
//! A request with an `Idempotency-Key` has a writer of its own, made of that key, with one sequence: sent again, by whichever
//! gateway, it changes nothing and is answered with what was refused of it the first time. Other requests borrow a writer of the
//! gateway, so that a batch whose answer was lost can be sent again too, without a row for each request.

use std::sync::{Arc, Mutex, PoisonError};

use runmeta_client::{Error, Sent};
use uuid::Uuid;

use crate::api::refusal;
use crate::session::Connected;
use crate::{Caller, Problem};

/// The namespace of writers that have a name.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_0a5e_9c0b_4e57_8f5a_2f1d_43a9_7c10);

/// The longest `Idempotency-Key`, as the ids of runs.
const MOST_BYTES: usize = 255;

/// Writers that nobody uses now, each with its last sequence.
#[derive(Clone, Default)]
pub(crate) struct Writers(Arc<Mutex<Vec<(Uuid, i64)>>>);

impl Writers {
    fn borrow(&self) -> (Uuid, i64) {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| (Uuid::new_v4(), 0))
    }

    fn give_back(&self, writer: (Uuid, i64)) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(writer);
    }
}

/// What became of a batch.
#[derive(Debug)]
pub struct Written {
    /// A row for each part of each entry.
    pub parts: Vec<Sent>,
    /// True if it had taken effect before.
    pub is_replay: bool,
}

impl Written {
    /// Returns the first refusal.
    ///
    /// # Errors
    ///
    /// The problem that the corresponding SQL function would raise.
    pub fn or_refused(self) -> Result<Written, Problem> {
        let refused = |part| Some(refusal::of_part(part, part.refusal()?));
        self.parts.iter().find_map(refused).map_or(Ok(()), Err)?;
        Ok(self)
    }
}

/// Returns a writer for one request that nobody repeats. By the version 8, `runmeta.prune` knows it, and forgets it after a day.
pub(crate) fn new_writer() -> Uuid {
    Uuid::new_v8(Uuid::new_v4().into_bytes())
}

impl Caller {
    /// Applies a batch, the argument of `runmeta.flush` as JSON text, exactly once for each `Idempotency-Key` and path. Waits while
    /// the database is away. Whether the caller may change these runs is for the handler to check.
    ///
    /// # Errors
    ///
    /// - 400 for a key or a batch that is none.
    /// - 503 once the database was away for the call timeout.
    pub async fn write(
        &self,
        batch: &str,
        idempotency_key: Option<&str>,
    ) -> Result<Written, Problem> {
        let connected = self.connected().await?;
        let parts = match idempotency_key {
            Some(key) => {
                let writer = self.writer(key)?;
                connected.client.send(batch, writer, 1).await?
            }
            None => send(&connected, batch).await?,
        };
        let is_replay = parts.iter().any(|part| part.outcome == "duplicate");
        Ok(Written { parts, is_replay })
    }

    fn writer(&self, key: &str) -> Result<Uuid, Problem> {
        if key.is_empty() || key.len() > MOST_BYTES {
            return Err(Problem::invalid(format!(
                "the Idempotency-Key has {} bytes, and 1 to {MOST_BYTES} are allowed",
                key.len()
            )));
        }
        Ok(self.writer_named(&[b"batch", self.path().as_bytes(), key.as_bytes()]))
    }

    /// Returns the writer that these words name for this caller, the same at every gateway. Other callers have others: holders of
    /// tokens must not be able to use up each other's keys.
    pub(crate) fn writer_named(&self, words: &[&[u8]]) -> Uuid {
        let identity = self.identity();
        let caller = [self.key().name()].into_iter().chain(identity);
        let words = words.iter().copied().chain(caller.map(str::as_bytes));
        // Each has its length in front, so that no two lists of words are the same bytes.
        let name = words.flat_map(|word| {
            let length = (word.len() as u64).to_be_bytes();
            length.into_iter().chain(word.iter().copied())
        });
        let named = Uuid::new_v5(&NAMESPACE, &name.collect::<Vec<u8>>());
        // By the version 8, `runmeta.prune` knows a writer of a single batch, and forgets it after a day.
        Uuid::new_v8(named.into_bytes())
    }
}

async fn send(connected: &Connected, batch: &str) -> Result<Vec<Sent>, Error> {
    let (writer, last) = connected.writers.borrow();
    let sent = connected.client.send(batch, writer, last + 1).await;
    // After an error it is not known whether the sequence was used: the writer is given up. So it is when this is dropped.
    if sent.is_ok() {
        connected.writers.give_back((writer, last + 1));
    }
    sent
}

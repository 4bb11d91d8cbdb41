//! Reading a stream of a run, from any chunk, and going on as it grows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::read_ahead::{ReadAhead, Reserve, Taken};
use crate::buffer::waiter::Waiter;
use crate::client::answered;
use crate::metadata::typed::typed;
use crate::new_run::check_text;
use crate::watch::hub::{Input, NewReader};
use crate::{Client, Error};

impl Client {
    /// Reads a stream of a run, from the chunk of this number; then each chunk that is appended.
    ///
    /// It ends when the stream is closed and read, and also when its run has finished and everything committed by then is read.
    /// A stream or a run that does not exist yet is waited for. To go on later, or in another process, begin at the number behind
    /// the last chunk that was read. All readers share the connection of [`watch`](Client::watch), or poll as watches do; a lost
    /// connection shows as nothing but a pause.
    ///
    /// # Errors
    ///
    /// - The role may not read streams: SQLSTATE 42501. Those that row-level security hides are not there.
    /// - The run's id or the stream's name is empty, longer than 255 bytes or has the character U+0000: 22023.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// let mut tokens = client.read_stream("answer-42", "tokens", 0).await?;
    /// while let Some(token) = tokens.next().await {
    ///     print!("{}", token?.value::<String>()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_stream(&self, run: &str, stream: &str, from: u64) -> Result<Chunks, Error> {
        self.read(run, stream, from, ReadAhead::default()).await
    }

    /// Reads a stream as [`read_stream`](Client::read_stream), and counts what was read ahead: for a server with many readers, some
    /// of whom take nothing. Where it has no memory for the next chunks, the reader gets an error that is
    /// [retryable](Error::is_retryable), behind those that were read before.
    ///
    /// # Errors
    ///
    /// As `read_stream`.
    pub async fn read_stream_within(
        &self,
        run: &str,
        stream: &str,
        from: u64,
        reserve: Box<dyn Reserve>,
    ) -> Result<Chunks, Error> {
        let ahead = ReadAhead::counted(reserve);
        self.read(run, stream, from, ahead).await
    }

    async fn read(
        &self,
        run: &str,
        stream: &str,
        from: u64,
        ahead: ReadAhead,
    ) -> Result<Chunks, Error> {
        check_text("run id", run)?;
        check_text("the name of a stream", stream)?;
        let id = self.watching().number();
        let ahead = Arc::new(ahead);
        let (waiter, joined) = Waiter::new();
        self.watching().send(Input::Read(NewReader {
            id,
            run: run.into(),
            stream: stream.into(),
            from: i64::try_from(from).unwrap_or(i64::MAX),
            ahead: ahead.clone(),
            waiter,
        }));
        // Made before the wait: whoever gives up waiting drops it, which ends the reading.
        let chunks = Chunks {
            client: self.clone(),
            id,
            ahead,
            has_ended: false,
        };
        answered(joined).await?;
        Ok(chunks)
    }

    /// Returns the streams of a run, by name; none for a run that does not exist.
    ///
    /// # Errors
    ///
    /// As [`read_stream`](Client::read_stream).
    pub async fn streams(&self, run: &str) -> Result<Vec<StreamInfo>, Error> {
        check_text("run id", run)?;
        let (waiter, streams) = Waiter::new();
        self.watching().send(Input::ListStreams(run.into(), waiter));
        answered(streams).await
    }
}

/// A stream of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// How many chunks it has.
    pub chunks: u64,
    /// When it was closed; `None` while it is open.
    pub closed_at: Option<SystemTime>,
    /// The error with which it was closed.
    pub error: Option<String>,
}

/// A chunk of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    number: u64,
    /// Many readers of a stream share it.
    json: Arc<str>,
}

impl Chunk {
    pub(crate) fn new(number: u64, json: Arc<str>) -> Chunk {
        Chunk { number, json }
    }

    /// Returns its number: the first of a stream has 0, and there are no gaps.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns its JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Reads it into a `T`.
    ///
    /// # Errors
    ///
    /// It is no `T`, with the path of the first value that does not fit.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let key = format!("chunk {}", self.number);
        typed(&self.json).map_err(|error| Error::does_not_fit(&key, error))
    }
}

/// The chunks of a stream: [`Client::read_stream`]. Dropping it ends the reading.
///
/// Behind the last chunk of a stream that was closed with an error comes that error, and then the end. Up to 1,000 chunks or a
/// megabyte are read ahead.
pub struct Chunks {
    client: Client,
    id: u64,
    ahead: Arc<ReadAhead>,
    has_ended: bool,
}

impl Chunks {
    /// Returns the next chunk, or `None` after the end. May be dropped at any point: nothing is lost.
    ///
    /// # Errors
    ///
    /// - The stream was closed with an error, which [`Display`](fmt::Display) shows.
    /// - The run was deleted, or its stream was, whether it began anew or not: SQLSTATE P0002. A stream that has not so many
    ///   chunks as were read before is another.
    /// - The client was shut down.
    pub async fn next(&mut self) -> Option<Result<Chunk, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

#[cfg(test)]
impl Chunks {
    /// Returns how many chunks are read ahead, and their bytes.
    pub(super) fn held(&self) -> (usize, usize) {
        self.ahead.held()
    }
}

impl Stream for Chunks {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        match self.ahead.take(context.waker()) {
            Taken::Chunk { chunk, makes_room } => {
                if makes_room {
                    self.client.watching().send(Input::RoomForChunks(self.id));
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Taken::Nothing => Poll::Pending,
            Taken::End(error) => {
                self.has_ended = true;
                Poll::Ready(error.map(Err))
            }
        }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.client.watching().send(Input::Dropped(self.id));
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").finish_non_exhaustive()
    }
}

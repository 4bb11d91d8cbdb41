//! Appending to a stream, chunk by chunk.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runmeta_core::wire::Target;
use runmeta_core::{BadValue, Tree};
use serde::Serialize;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

use crate::buffer::Buffer;
use crate::buffer::chunks::{Close, StreamReport};
use crate::buffer::state::RunState;
use crate::buffer::waiter::Awaited;
use crate::client::answered;
use crate::error::Unapplied;
use crate::metadata::serialize::{Unfit, to_json};
use crate::new_run::check_text;
use crate::{Error, Run, scope};

/// Chunks leave no later than this after others of the same writer: text that is read while it is written then flows, as it does
/// not with the [interval](crate::Builder::interval) of operations. A guess.
const SOON: Duration = Duration::from_millis(50);

/// After a flush that failed for a reason that does not pass, the next one is asked for so much later.
const LATER: Duration = Duration::from_secs(1);

/// Appends chunks to one stream of a run: [`Metadata::stream_writer`](crate::Metadata::stream_writer) makes one.
///
/// Several writers may append to the same stream, also of several processes: their chunks interleave, each writer's in its
/// order. The stream ends when one of them closes it.
///
/// A writer that is dropped leaves the stream open: the next attempt at the run goes on with it, and if there is none, readers end
/// when the run finishes. A writer that works for an older attempt cannot close the stream of a newer one. One that is dropped by a panic, or that knows that a chunk was not appended, closes it with an error.
///
/// ```no_run
/// # async fn example(run: runmeta_client::Run) -> Result<(), runmeta_client::Error> {
/// let mut tokens = run.metadata().stream_writer("tokens");
/// for token in ["Hello", ", ", "world"] {
///     tokens.push(token).await?;
/// }
/// tokens.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StreamWriter {
    /// `None` outside a run, and once it is closed.
    writing: Option<Writing>,
    pushed: u64,
}

#[derive(Debug)]
struct Writing {
    run: Run,
    target: Target,
    report: Arc<StreamReport>,
    /// The last flush that was asked for, and when the next one may be.
    flush: Option<Awaited<()>>,
    next_flush: Instant,
}

impl StreamWriter {
    pub(super) fn new(run: Option<&Run>, target: Target, stream: &str) -> StreamWriter {
        if run.is_none() {
            scope::recorded_outside("stream", Some(stream));
        }
        let writing = run.map(|run| {
            let report = StreamReport::new(stream);
            if let Err(error) = check_text("the name of a stream", stream) {
                let (buffer, state) = (run.client().buffer(), run.state(target));
                let unapplied = Unapplied::stream(&state.id, stream, "invalid").because(&error);
                buffer.note_unapplied(&mut state.lock(), unapplied);
                buffer.log_unapplied();
                report.fail(error);
            }
            // It counts as one that records on that run.
            run.recorder(target);
            Writing {
                run: run.clone(),
                target,
                report,
                flush: None,
                next_flush: Instant::now(),
            }
        });
        StreamWriter { writing, pushed: 0 }
    }

    /// Appends a chunk. It returns as soon as there is room in the buffer, and the chunk is sent in the background. If this
    /// future is dropped, the chunk is not appended.
    ///
    /// # Errors
    ///
    /// - The value cannot be serialised, or not be stored: SQLSTATE 22023. The next one may be.
    /// - An earlier chunk was not appended: the run has finished or the stream was closed, 55000; the chunk was larger than the
    ///   server's limit, 54000; the run does not exist, P0002. No other will be.
    /// - The client was shut down.
    pub fn push(
        &mut self,
        value: impl Serialize,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let text = chunk(&value);
        async move { self.push_text(&text?).await }
    }

    /// Ends the stream, waits until everything is committed, and returns how many chunks this writer appended.
    ///
    /// # Errors
    ///
    /// As [`push`](StreamWriter::push). While the server cannot be reached it waits, as [`flush`](crate::Metadata::flush) does.
    pub async fn close(self) -> Result<u64, Error> {
        self.end(None).await
    }

    /// Ends the stream with an error, which readers get behind the last chunk; otherwise as [`close`](StreamWriter::close).
    ///
    /// # Errors
    ///
    /// As [`close`](StreamWriter::close).
    pub async fn close_with_error(self, error: impl fmt::Display) -> Result<u64, Error> {
        let error = error.to_string();
        self.end(Some(&error)).await
    }

    pub(super) async fn push_text(&mut self, chunk: &str) -> Result<(), Error> {
        let Some(writing) = &mut self.writing else {
            return Ok(());
        };
        let (buffer, state) = (writing.buffer(), writing.state());
        while !buffer.push_chunk(state, &writing.report, chunk)? {
            buffer.budget.room().await;
        }
        self.pushed += 1;
        writing.send_soon();
        Ok(())
    }

    async fn end(mut self, error: Option<&str>) -> Result<u64, Error> {
        let Some(writing) = self.writing.take() else {
            return Ok(self.pushed);
        };
        writing.close(error)?;
        let flush = writing.buffer().flush(vec![writing.state().clone()], None);
        answered(flush).await?;
        match writing.report.error() {
            Some(error) => Err(error.clone()),
            None => Ok(self.pushed),
        }
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        let Some(writing) = self.writing.take() else {
            return;
        };
        let panics = std::thread::panicking().then_some("the writer panicked");
        if panics.is_some() || writing.report.error().is_some() {
            // If the client was shut down, nothing can be sent.
            let _ = writing.close(panics);
        }
    }
}

impl Writing {
    fn buffer(&self) -> &Buffer {
        self.run.client().buffer()
    }

    fn state(&self) -> &Arc<RunState> {
        self.run.state(self.target)
    }

    fn close(&self, error: Option<&str>) -> Result<(), Error> {
        // Readers must learn that a chunk is missing.
        let failure = self.report.error().map(Error::to_string);
        let error = failure.or(error.map(str::to_owned)).map(Into::into);
        let (state, report) = (self.state(), &self.report);
        let attempt = match self.target {
            Target::Own => self.run.attempt(),
            _ => None,
        };
        let close = Close { error, attempt };
        self.buffer().close_stream(state, report, close)
    }

    /// Asks for a flush, if the last one is over.
    fn send_soon(&mut self) {
        let now = Instant::now();
        match self.flush.as_mut().map(Awaited::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(Err(_)) | Err(TryRecvError::Closed)) => self.next_flush = now + LATER,
            None | Some(Ok(Ok(()))) => {}
        }
        self.flush = None;
        if self.next_flush <= now {
            self.next_flush = now + SOON;
            let state = self.state().clone();
            self.flush = Some(self.buffer().flush(vec![state], None));
        }
    }
}

/// Returns the JSON of a chunk.
///
/// # Errors
///
/// It cannot be serialised, or not be stored.
pub(super) fn chunk(value: &impl Serialize) -> Result<String, Error> {
    let invalid = |bad: BadValue| Error::invalid(format!("the chunk cannot be stored: {bad}"));
    let json = to_json(value).map_err(|unfit| match unfit {
        Unfit::TooDeep => invalid(BadValue::TooDeep),
        Unfit::NotSerializable(error) => Error::not_serializable("the chunk", error),
    })?;
    json.check(0).map_err(invalid)?;
    let mut text = String::new();
    json.write_to(&mut text);
    Ok(text)
}

//! Writing a stream of the caller's in the background, while the caller reads it.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::StreamWriter;
use super::writer::chunk;
use crate::{Error, Metadata, spawn};

/// Items that were written and not read here yet. A guess: more than a consumer lags by chance.
const UNREAD: usize = 1024;

/// Appending to streams. The [module](crate::stream) has an overview.
impl Metadata {
    /// Appends each item of a stream as a chunk, in the background, and closes the stream of the run when `source` ends. Returns
    /// the same items, to be read here.
    ///
    /// The work is done by a task on the current runtime, in the current scope. It goes on if what this returns is dropped;
    /// it pauses while 1,024 items wait to be read here, or while the buffer is full. A chunk that the server refuses ends the
    /// stream of the run, not what is read here.
    ///
    /// Inside [`atomically`](Metadata::atomically) too, chunks are sent by themselves.
    ///
    /// ```no_run
    /// # async fn example<S>(run: runmeta_client::Run, tokens: S) -> Result<(), runmeta_client::Error>
    /// # where S: futures_core::Stream<Item = String> + Send + 'static {
    /// let written = run.metadata().stream("tokens", tokens).finished().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<S>(&self, name: &str, source: S) -> Piped<S::Item>
    where
        S: Stream + Send + 'static,
        S::Item: Serialize + Send,
    {
        let next = |item: &S::Item| chunk(item).map_err(Cause::Unfit);
        self.pipe(name, source, next)
    }

    /// As [`stream`](Metadata::stream), for a source that may fail: its first error closes the stream of the run with the text
    /// of that error, and ends what is read here behind it.
    pub fn try_stream<S, T, E>(&self, name: &str, source: S) -> Piped<Result<T, E>>
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let next = |item: &Result<T, E>| match item {
            Ok(value) => chunk(value).map_err(Cause::Unfit),
            Err(error) => Err(Cause::Broken(error.to_string())),
        };
        self.pipe(name, source, next)
    }

    /// Returns a writer for a stream of the run, to append chunk by chunk.
    pub fn stream_writer(&self, name: &str) -> StreamWriter {
        StreamWriter::new(self.run.as_ref(), self.target, name)
    }

    fn pipe<S>(
        &self,
        name: &str,
        source: S,
        next: impl Fn(&S::Item) -> Result<String, Cause> + Send + 'static,
    ) -> Piped<S::Item>
    where
        S: Stream + Send + 'static,
        S::Item: Send,
    {
        if Handle::try_current().is_err() {
            return Piped(Source::Unwritten(Box::pin(source)));
        }
        let writer = self.stream_writer(name);
        let (to_reader, items) = mpsc::channel(UNREAD);
        let (waiter, outcome) = oneshot::channel();
        let (run, name) = (self.run.clone(), name.to_owned());
        spawn(async move {
            let written = pump(source, writer, to_reader, next).await;
            if let Err(error) = &written {
                let run = run.as_ref().map(|run| run.id());
                tracing::warn!(run, stream = name, error = %error, "a stream was not written to its end");
            }
            let _ = waiter.send(written);
        });
        Piped(Source::Written { items, outcome })
    }
}

/// The items of a stream that is written in the background: [`Metadata::stream`] makes it.
///
/// Where there is no runtime of tokio, the items can be read, but are not written.
#[must_use = "drop it or await `finished` if the items are not read here, or writing pauses after 1,024"]
pub struct Piped<T>(Source<T>);

enum Source<T> {
    Written {
        items: mpsc::Receiver<T>,
        outcome: oneshot::Receiver<Result<u64, Error>>,
    },
    /// There is no runtime.
    Unwritten(Pin<Box<dyn Stream<Item = T> + Send>>),
}

impl<T> Piped<T> {
    /// Returns the next item; `None` behind the last one.
    pub async fn next(&mut self) -> Option<T> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits until the source has ended and everything is committed, and returns how many chunks were appended. Items that were
    /// not read here are dropped. Outside a run, nothing is appended.
    ///
    /// # Errors
    ///
    /// - The source failed: the error has its text.
    /// - A chunk was not appended, as in [`StreamWriter::push`].
    /// - There is no runtime of tokio, or it ended.
    pub async fn finished(self) -> Result<u64, Error> {
        match self.0 {
            Source::Written { items, outcome } => {
                drop(items);
                let ended = |_| Err(Error::stream_broken("the task that wrote it ended"));
                outcome.await.unwrap_or_else(ended)
            }
            Source::Unwritten(_) => Err(Error::settings(
                "a stream is written by a runtime of tokio, and there is none here",
                None,
            )),
        }
    }
}

impl<T> Stream for Piped<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        match &mut self.get_mut().0 {
            Source::Written { items, .. } => items.poll_recv(context),
            Source::Unwritten(source) => source.as_mut().poll_next(context),
        }
    }
}

impl<T> fmt::Debug for Piped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piped").finish_non_exhaustive()
    }
}

/// Why no chunk could be made of an item.
enum Cause {
    Unfit(Error),
    /// The source failed.
    Broken(String),
}

/// Writes each item and passes it on. What cannot be written ends the stream of the run; items are passed on as long as somebody
/// reads them.
async fn pump<S: Stream>(
    source: S,
    writer: StreamWriter,
    to_reader: mpsc::Sender<S::Item>,
    next: impl Fn(&S::Item) -> Result<String, Cause>,
) -> Result<u64, Error> {
    let mut source = pin!(source);
    let mut writer = Ok(writer);
    while let Some(item) = std::future::poll_fn(|context| source.as_mut().poll_next(context)).await
    {
        let mut is_last = false;
        if let Ok(writing) = &mut writer {
            let error = match next(&item) {
                Ok(chunk) => writing.push_text(&chunk).await.err(),
                Err(Cause::Unfit(error)) => Some(error),
                Err(Cause::Broken(text)) => {
                    is_last = true;
                    Some(Error::stream_broken(&text))
                }
            };
            if let Some(error) = error
                && let Ok(writing) = std::mem::replace(&mut writer, Err(error.clone()))
            {
                let _ = writing.close_with_error(error.cause_of_stream()).await;
            }
        }
        let is_read = to_reader.send(item).await.is_ok();
        if is_last || writer.is_err() && !is_read {
            break;
        }
    }
    writer?.close().await
}

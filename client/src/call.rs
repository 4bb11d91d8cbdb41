//! Calls that somebody waits for: tried again while that may help, but not for ever.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::{Instant, sleep, timeout_at};

use crate::Error;
use crate::backoff::Backoff;
use crate::buffer::Buffer;

/// Makes a call that has the same effect if it is made twice.
///
/// # Errors
///
/// The last error, when it will not pass or the time for calls is over.
pub(crate) async fn call<T, F: Future<Output = Result<T, Error>>>(
    buffer: &Buffer,
    what: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let settings = &buffer.settings;
    let deadline = Instant::now() + settings.call_timeout;
    let mut backoff = Backoff::new(settings.first_pause, settings.longest_pause);
    loop {
        let error = match timeout_at(deadline, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => return Err(Error::timed_out(what)),
        };
        let pause = backoff.pause();
        if !error.is_retryable() || Instant::now() + pause >= deadline {
            return Err(error);
        }
        tracing::warn!("{what} failed, trying again in {pause:?}: {error}");
        buffer.meter.retries.fetch_add(1, Relaxed);
        buffer.meter.note_error(&error);
        sleep(pause).await;
    }
}

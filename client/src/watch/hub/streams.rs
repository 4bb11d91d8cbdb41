//! Readers of streams: what is announced of the streams that somebody here reads.

use crate::watch::notice::StreamNotice;

/// The streams that are read, by run and name.
///
/// Readers of chunks join here: [`announced`](Streams::announced) wakes those of one stream, with the number of its last chunk,
/// and [`read_again`](Streams::read_again) all of them, after a lost connection, after a resync, and in each turn of polling.
/// [`Hub::next`](super::Hub) asks for their next statement beside views and listings.
#[derive(Debug, Default)]
pub(super) struct Streams {}

impl Streams {
    /// Returns true if nobody reads.
    pub(super) fn is_empty(&self) -> bool {
        true
    }

    /// Takes note of a stream that has grown or was closed.
    pub(super) fn announced(&mut self, stream: &StreamNotice) {
        tracing::trace!(
            run = stream.id,
            stream = stream.stream,
            last = stream.last,
            closed = stream.closed,
            "a stream has grown"
        );
    }

    /// Reads all streams again.
    pub(super) fn read_again(&mut self) {}
}

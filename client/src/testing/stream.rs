//! One stream: what appending and closing do to it.

use std::sync::Arc;
use std::time::SystemTime;

use runmeta_core::Json;
use runmeta_core::wire::Outcome;

use super::run::Effect;
use crate::stream::StreamInfo;
use crate::wire::streams::{FoundChunks, WantedChunks};

#[derive(Clone, Debug)]
pub(super) struct Stream {
    created_at: SystemTime,
    pub(super) chunks: Vec<Arc<str>>,
    pub(super) error: Option<String>,
    /// The attempt of its run in which it was closed, and when.
    closed: Option<(i32, SystemTime)>,
}

/// Chunks for a stream, and whether it ends with them.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) chunks: Vec<Json>,
    pub(super) is_last: bool,
    pub(super) error: Option<String>,
    /// The attempt that the writer works for.
    pub(super) attempt: Option<i32>,
}

impl Stream {
    fn new() -> Stream {
        Stream {
            created_at: SystemTime::now(),
            chunks: Vec::new(),
            error: None,
            closed: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn found(&self, wanted: &WantedChunks) -> FoundChunks {
        let from = usize::try_from(wanted.from).unwrap_or(0);
        let mut bytes = 0;
        let chunks = self.chunks.iter().skip(from).take(wanted.chunks);
        let chunks = chunks.take_while(|chunk| {
            let fits = bytes < wanted.bytes;
            bytes += chunk.len();
            fits
        });
        FoundChunks {
            created_at: Some(self.created_at),
            count: self.chunks.len() as i64,
            is_closed: self.is_closed(),
            error: self.error.clone(),
            chunks: chunks.map(|chunk| (&**chunk).into()).collect(),
            ..FoundChunks::default()
        }
    }

    pub(super) fn info(&self, name: &str) -> StreamInfo {
        StreamInfo {
            name: name.to_owned(),
            chunks: self.chunks.len() as u64,
            closed_at: self.closed.map(|(_, at)| at),
            error: self.error.clone(),
        }
    }

    /// Appends and closes. A later attempt of the run opens a closed stream again; numbering goes on.
    pub(super) fn append(
        stream: &mut Option<Stream>,
        append: &Append,
        attempt: i32,
        maximum_size: usize,
    ) -> Effect {
        if append.attempt.is_some_and(|given| given < attempt) {
            return Effect::bare(Outcome::Stale);
        }
        let is_new = stream.is_none();
        let stream = stream.get_or_insert_with(Stream::new);
        if stream.closed.is_some_and(|(closed, _)| closed >= attempt) {
            return Effect::bare(match append.is_last && append.chunks.is_empty() {
                true => Outcome::Unchanged,
                false => Outcome::Closed,
            });
        }
        let is_opened = stream.closed.take().is_some();
        stream.error = None;
        let is_too_large = |(_, chunk): &(usize, &Json)| chunk.size() > maximum_size;
        let (too_large, fit): (Vec<_>, Vec<_>) =
            append.chunks.iter().enumerate().partition(is_too_large);
        let is_changed = is_new || is_opened || !fit.is_empty() || append.is_last;
        let texts = fit.iter().map(|(_, chunk)| chunk.to_string().into());
        stream.chunks.extend(texts);
        if append.is_last {
            stream.closed = Some((attempt, SystemTime::now()));
            stream.error.clone_from(&append.error);
        }
        let outcome = match is_changed {
            true => Outcome::Applied,
            false => Outcome::Unchanged,
        };
        Effect {
            unapplied: too_large
                .iter()
                .map(|(index, _)| (*index, Outcome::TooLarge.name().to_owned()))
                .collect(),
            ..Effect::bare(outcome)
        }
    }
}

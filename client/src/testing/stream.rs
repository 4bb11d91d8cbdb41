//! One stream: what appending and closing do to it.

use std::sync::Arc;

use runmeta_core::Json;
use runmeta_core::wire::Outcome;

use super::run::Effect;

#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) chunks: Vec<Arc<str>>,
    pub(super) error: Option<String>,
    /// The attempt of its run in which it was closed.
    closed_in: Option<i32>,
}

/// Chunks for a stream, and whether it ends with them.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) chunks: Vec<Json>,
    pub(super) is_last: bool,
    pub(super) error: Option<String>,
}

impl Stream {
    pub(super) fn is_closed(&self) -> bool {
        self.closed_in.is_some()
    }

    /// Appends and closes. A later attempt of the run opens a closed stream again; numbering goes on.
    pub(super) fn append(
        stream: &mut Option<Stream>,
        append: &Append,
        attempt: i32,
        maximum_size: usize,
    ) -> Effect {
        let is_new = stream.is_none();
        let stream = stream.get_or_insert_default();
        if stream.closed_in.is_some_and(|closed| closed >= attempt) {
            return Effect::bare(match append.chunks.is_empty() {
                true => Outcome::Unchanged,
                false => Outcome::Closed,
            });
        }
        let is_too_large = |(_, chunk): &(usize, &Json)| chunk.size() > maximum_size;
        let (too_large, fit): (Vec<_>, Vec<_>) =
            append.chunks.iter().enumerate().partition(is_too_large);
        if !fit.is_empty() {
            stream.closed_in = None;
            stream.error = None;
        }
        let is_changed = is_new || !fit.is_empty() || append.is_last;
        let texts = fit.iter().map(|(_, chunk)| chunk.to_string().into());
        stream.chunks.extend(texts);
        if append.is_last {
            stream.closed_in = Some(attempt);
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

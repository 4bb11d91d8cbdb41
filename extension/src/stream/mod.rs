//! Streams: chunks of JSON that are appended to a run, numbered from 0 without gaps.
//!
//! - The row of a stream has the number of its chunks. An append locks that row and no other, so that writers of
//!   different runs and streams share no lock. Numbers follow the order of the locks, and are final at the commit.
//! - The last chunks are in the row itself, in its *tail*: an append of a few is one `UPDATE`. When the tail would pass
//!   [`rows::TAIL`], it moves with what is new into rows of `runmeta.stream_chunk`.
//! - Whoever may write the run may append. That is checked with the caller's rights, policies included; the tables of
//!   streams are then written with those of their owner. Only the first append of a stream locks the run, against
//!   deletion: the row of a run may be written by many at once.
//! - A stream belongs to the run of the time when it was made (`run_created_at`): one that is started with the same id
//!   after that was deleted begins a stream of its own.
//! - A stream that is closed takes no chunks until a later attempt at its run appends, which opens it again.
//!
//! Files: [`chunks`] checks what is appended, [`holder`] finds the run and locks it, [`append`] and [`close`] are the
//! single calls. [`write`](mod@write) changes many streams, with [`stored`] for their rows as they are locked and stored, and
//! [`rows`] for those of chunks. [`prune`] deletes streams.

mod append;
mod chunks;
mod close;
mod holder;
mod prune;
mod rows;
mod stored;
mod write;

pub use append::append;
pub use chunks::{Chunks, Skipped};
pub use close::close;
pub use holder::{Holder, find, find_many};
pub use prune::{delete_trees, lock_trees, prune};
pub use write::{Change, Close, Written, write};

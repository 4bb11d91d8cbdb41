#![doc = include_str!("../README.md")]
// The way of an operation through the crate, and a line for each room:
//
// 1. `metadata` makes an operation of what a caller gives, on behalf of a `run`, which a `scope` may have found.
// 2. `buffer` keeps it with the run whose document it changes, shortened, until the engine takes it.
// 3. `engine` puts it into a batch, sends it, and decides what the answer means: one pure function and a loop round it.
// 4. `wire` makes each batch and each read one statement, over connections that it keeps.
//
// `watch` goes the other way: what others change is announced, read, and given to those here who watch it.
// `query` goes beside them: lists of runs, trees, sums, and batches that the caller makes, each a call of its own.
// `stream` goes both ways: it appends chunks to streams of a run, and reads them.
//
// `client`, `run`, `new_run`, `builder` and `metrics` are the nouns at the door: they wait for the engine and do no I/O.
// `error` is the one error, and what is known of an operation without effect. `testing` is a server in memory.

mod buffer;
mod builder;
mod client;
mod engine;
mod error;
pub mod metadata;
mod metrics;
mod new_run;
mod query;
mod run;
mod scope;
mod settings;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

/// The README of the repository, of which the example in Rust is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use builder::Builder;
pub use client::Client;
pub use error::{Error, Unapplied};
pub use metadata::Metadata;
pub use metadata::amount::Amount;
pub use metrics::Metrics;
pub use new_run::NewRun;
pub use query::{Bucket, ContractMode, Cursor, Group, Page, Runs, Sent, Sort, TaskStatus};
pub use run::Run;
pub use runmeta_core::{Json, Members, NotJson, Number};
pub use scope::{spawn, spawn_blocking};
pub use stream::{Chunk, Chunks, DEFAULT_STREAM, Piped, Reserve, StreamInfo, StreamWriter};
pub use watch::{Change, Changes, Snapshot, Snapshots, Watch, merge_patch, rfc3339};
#[cfg(feature = "tokio-postgres")]
#[doc(hidden)]
pub use wire::pooler;
#[cfg(feature = "_tls")]
pub use wire::tls;

#[cfg(feature = "pool")]
pub use deadpool_postgres;
#[cfg(feature = "tokio-postgres")]
pub use tokio_postgres;

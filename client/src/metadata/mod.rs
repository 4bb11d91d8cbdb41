//! The metadata of the run that the code here works for, without a handle.
//!
//! Inside [`Run::scope`](crate::Run::scope), these functions do what the methods of [`Metadata`] do, in any function
//! called from there. Outside a run they have no effect, and reads return `None`: code that reports progress can be called
//! from anywhere.
//!
//! ```
//! use runmeta_client::metadata;
//!
//! metadata::set("progress", 0.5).append("log", "half way"); // no run here: nothing happens
//! assert_eq!(metadata::get::<f64>("progress"), None);
//! ```

pub(crate) mod amount;
mod atomically;
mod handle;
mod read;
pub(crate) mod serialize;
pub(crate) mod typed;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Amount, Error, Piped, Run, StreamWriter};

pub use handle::Metadata;

/// Returns the run of the innermost scope.
pub fn run() -> Option<Run> {
    crate::scope::current()
}

/// Returns the run's metadata. Worth keeping for a loop: looking the run up each time takes longer than an increment.
pub fn handle() -> Metadata {
    Metadata::here()
}

/// Returns the metadata of the run's parent.
pub fn parent() -> Metadata {
    handle().parent()
}

/// Returns the metadata of the first run of the run's tree.
pub fn root() -> Metadata {
    handle().root()
}

macro_rules! operations {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        #[doc = concat!("Does [`Metadata::", stringify!($name), "`], and returns the handle for more.")]
        pub fn $name($($argument: $type),*) -> Metadata {
            let metadata = handle();
            metadata.$name($($argument),*);
            metadata
        }
    )*};
}

operations! {
    set(key: &str, value: impl Serialize);
    del(key: &str);
    replace(value: impl Serialize);
    merge(value: impl Serialize);
    merge_at(key: &str, value: impl Serialize);
    append(key: &str, value: impl Serialize);
    append_keep(key: &str, value: impl Serialize, keep: u64);
    remove(key: &str, value: impl Serialize);
    increment(key: &str, by: impl Amount);
    decrement(key: &str, by: impl Amount);
}

/// Does [`Metadata::stream`].
pub fn stream<S>(name: &str, source: S) -> Piped<S::Item>
where
    S: Stream + Send + 'static,
    S::Item: Serialize + Send,
{
    handle().stream(name, source)
}

/// Does [`Metadata::try_stream`].
pub fn try_stream<S, T, E>(name: &str, source: S) -> Piped<Result<T, E>>
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Serialize + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    handle().try_stream(name, source)
}

/// Does [`Metadata::stream_writer`].
pub fn stream_writer(name: &str) -> StreamWriter {
    handle().stream_writer(name)
}

/// Does [`Metadata::atomically`].
pub fn atomically<R>(work: impl FnOnce(&Metadata) -> R) -> Metadata {
    handle().atomically(work)
}

/// Does [`Metadata::get`].
pub fn get<T: DeserializeOwned>(key: &str) -> Option<T> {
    handle().get(key)
}

/// Does [`Metadata::try_get`].
///
/// # Errors
///
/// As [`Metadata::try_get`].
pub fn try_get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    handle().try_get(key)
}

/// Does [`Metadata::current`].
pub fn current() -> Option<Value> {
    handle().current()
}

/// Does [`Metadata::typed`], and returns `None` outside a run.
///
/// # Errors
///
/// The path of the first value that does not fit.
pub fn typed<T: DeserializeOwned>() -> Result<Option<T>, Error> {
    run().map(|run| run.metadata().typed()).transpose()
}

/// Does [`Metadata::refresh`].
///
/// # Errors
///
/// As [`Metadata::refresh`].
pub fn refresh() -> impl Future<Output = Result<(), Error>> + Send + use<> {
    let metadata = handle();
    async move { metadata.refresh().await }
}

/// Does [`Metadata::flush`].
///
/// # Errors
///
/// As [`Metadata::flush`].
pub fn flush() -> impl Future<Output = Result<(), Error>> + Send + use<> {
    handle().flush()
}

//! The metadata of the run that the code here works for, without a handle.
//!
//! Inside [`Run::scope`](crate::Run::scope), these functions do what the methods of [`Metadata`] do, in any function
//! called from there. Outside a run they have no effect, and reads give `None`: code that reports progress can be called
//! from anywhere.
//!
//! ```
//! use runmeta_client::metadata;
//!
//! metadata::set("progress", 0.5).append("log", "half way"); // no run here: nothing happens
//! assert_eq!(metadata::get::<f64>("progress"), None);
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Amount, Error, Metadata, Run};

/// Returns the run of the innermost scope.
pub fn run() -> Option<Run> {
    crate::scope::current()
}

/// Returns the run's metadata. Good to keep for a loop: looking the run up each time takes longer than an increment.
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

/// Does [`Metadata::atomically`].
pub fn atomically(say: impl FnOnce(&Metadata)) -> Metadata {
    let metadata = handle();
    metadata.atomically(say);
    metadata
}

/// Does [`Metadata::get`].
pub fn get<T: DeserializeOwned>(key: &str) -> Option<T> {
    handle().get(key)
}

/// Does [`Metadata::current`].
pub fn current() -> Option<Value> {
    handle().current()
}

/// Does [`Metadata::typed`], and gives `None` outside a run.
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
pub async fn refresh() -> Result<(), Error> {
    handle().refresh().await
}

/// Does [`Metadata::flush`].
///
/// # Errors
///
/// As [`Metadata::flush`].
pub async fn flush() -> Result<(), Error> {
    handle().flush().await
}

//! Runs as the API shows them.

use runmeta_client::Snapshot;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{Caller, Problem};

/// Returns the object of a run. Its metadata is the text of the database, with every digit of the numbers: a
/// [`serde_json::Value`] would make 1.5 of 1.50 and lose what does not fit a float.
///
/// # Errors
///
/// 500, which does not happen: the database has nothing but JSON.
pub(crate) fn object(run: &Snapshot) -> Result<Box<RawValue>, Problem> {
    let object = RawValue::from_string(run.to_json_text());
    object.map_err(|_| Problem::failed("the metadata is no JSON"))
}

/// What a caller learns of a run that it may change and not read: what its own change tells it anyway.
#[derive(Serialize)]
struct Changed<'a> {
    id: &'a str,
    status: &'a str,
    attempt: i32,
    version: i64,
}

/// Returns what the caller of a change gets of its run: the object, if it may read the run and there is memory for it. It cannot be
/// refused any more, as the change has taken effect.
///
/// # Errors
///
/// As [`object`].
pub(crate) fn changed(caller: &Caller, run: &Snapshot) -> Result<Box<RawValue>, Problem> {
    if caller.reads_run(run).is_ok() {
        let object = object(run)?;
        if caller.has_room(object.get().len()) {
            return Ok(object);
        }
    }
    let changed = Changed {
        id: run.id(),
        status: run.status(),
        attempt: run.attempt(),
        version: run.version(),
    };
    to_raw_value(&changed).map_err(|_| Problem::failed("the run cannot be written"))
}

/// Returns the objects of several runs.
///
/// # Errors
///
/// As [`object`].
pub(crate) fn objects(runs: &[Snapshot]) -> Result<Vec<Box<RawValue>>, Problem> {
    runs.iter().map(object).collect()
}

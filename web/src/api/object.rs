//! Runs as the API shows them.

use runmeta_client::Snapshot;
use serde_json::value::RawValue;

use crate::Problem;

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

/// Returns the objects of several runs.
///
/// # Errors
///
/// As [`object`].
pub(crate) fn objects(runs: &[Snapshot]) -> Result<Vec<Box<RawValue>>, Problem> {
    runs.iter().map(object).collect()
}

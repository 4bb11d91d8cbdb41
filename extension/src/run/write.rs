//! Writing to one run, which most of the SQL functions come down to.

use pgrx::prelude::*;
use runmeta_core::wire::Target;
use runmeta_core::{Key, Operation, Parsed, Reason, Unapplied};

use super::Locked;
use super::target;
use crate::document::Draft;
use crate::jsonb::{Jsonb, Node, View};
use crate::refusal::{Refusal, shown};
use crate::settings;

/// Applies operations to the document of the run that is addressed from `run_id`, all together or not at
/// all. Returns the document's version and the operations that were skipped.
///
/// # Errors
///
/// [`Refusal`] for a run that is missing or closed and a document that would be too large.
pub fn write(
    run_id: &str,
    target: Target,
    operations: &[Parsed<Node<'_>>],
) -> Result<(i64, Vec<Unapplied>), Refusal> {
    Spi::connect_mut(|client| {
        let locked = Locked::lock(client, run_id, target)?;
        locked.check_open()?;
        let limit = settings::maximum_size();
        let refuse = |error| Refusal::of_draft(error, &locked.id, limit);
        let mut draft = Draft::new(&locked.metadata, limit);
        let unapplied = draft.apply(operations).map_err(refuse)?.unapplied;
        let version = match draft.finish().map_err(refuse)? {
            Some(metadata) => locked.store(client, metadata)?,
            None => locked.version,
        };
        Ok((version, unapplied))
    })
}

/// Applies one operation, made of the arguments of an SQL function, and returns the document's version.
/// Without a run id nothing happens.
///
/// # Errors
///
/// As [`write`], and [`Refusal::Unapplied`] if the operation cannot be applied.
pub fn write_one<'a>(
    run_id: Option<&str>,
    target: Option<pg_sys::Oid>,
    name: &'static str,
    key: Option<&str>,
    operation: impl FnOnce(Option<Key>) -> Result<Operation<Node<'a>>, Refusal>,
) -> Result<Option<i64>, Refusal> {
    let Some(run_id) = run_id else {
        return Ok(None);
    };
    let target = target::read(target)?;
    let refuse = |reason| Refusal::Unapplied {
        operation: name,
        key: key.map(shown),
        reason,
    };
    let parsed = key
        .map(Key::parse)
        .transpose()
        .map_err(|bad| refuse(bad.into()))?;
    let operation = operation(parsed)?;
    operation
        .check()
        .map_err(|bad| refuse(Reason::BadValue(bad)))?;
    let (version, unapplied) = write(run_id, target, &[Ok(operation)])?;
    match unapplied.first() {
        Some(skipped) => Err(refuse(skipped.reason)),
        None => Ok(Some(version)),
    }
}

/// Returns the key, which the operation needs.
///
/// # Errors
///
/// [`Refusal::Null`].
pub fn required(key: Option<Key>) -> Result<Key, Refusal> {
    key.ok_or(Refusal::Null { argument: "key" })
}

/// Returns a value as an operation takes it. An SQL NULL, which `to_jsonb` makes of one, is JSON null.
pub fn value_or_null<'a>(value: &'a Option<Jsonb<'_>>) -> Node<'a> {
    Node::View(value.as_ref().map_or(View::Null, Jsonb::view))
}

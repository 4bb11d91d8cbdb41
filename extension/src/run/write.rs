//! Writing to one run, which most of the SQL functions come down to.

use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;
use runmeta_core::{Key, Operation, Parsed, Reason, Unapplied};

use super::Locked;
use super::target;
use super::update::update;
use crate::document::{Draft, list};
use crate::follow;
use crate::inbox;
use crate::jsonb::{Jsonb, Node, View};
use crate::layout;
use crate::one_pass::plan;
use crate::owner;
use crate::refusal::{Refusal, shown};
use crate::settings;

/// What became of operations.
pub struct Written {
    /// The document's version; `None` if the operations wait in the inbox.
    pub version: Option<i64>,
    /// The operations that were skipped.
    pub unapplied: Vec<Unapplied>,
}

/// Applies operations to the document of the run that is addressed from `run_id`, all together or not at all. Those for a
/// parent or a root, and small ones for a large document, wait in the inbox, if they may; `list` then writes them.
///
/// # Errors
///
/// [`Refusal`] for a run that is missing or closed and a document that would be too large.
pub fn write<'a>(
    run_id: &str,
    target: Target,
    operations: &[Parsed<Node<'_>>],
    list: impl FnOnce() -> Result<Jsonb<'a>, Refusal>,
) -> Result<Written, Refusal> {
    follow::before::addressed([(run_id, target)])?;
    Spi::connect_mut(|client| {
        // What cannot be read at all is reported now, and nothing of it waits.
        let may_wait = operations.iter().any(Result::is_ok) && inbox::is_used();
        // Elsewhere no function of ours can be called by the statement that finds the row.
        let is_possible = plan::is_possible() && !layout::is_distributed();
        if target == Target::Own && !inbox::waiting::waits(run_id) && is_possible {
            if let Some(written) = update(client, run_id, operations, may_wait)? {
                return Ok(written);
            }
        } else if target == Target::Own && may_wait {
            let threshold = settings::inbox_threshold();
            if let Some(locked) = Locked::lock_below(client, run_id, threshold)? {
                return apply(client, &locked, operations);
            }
        }
        if may_wait && owner::may_write_any_run() {
            let list = inbox::List::new(list()?, operations);
            if inbox::queue(client, run_id, target, &list)? {
                return Ok(Written {
                    version: None,
                    unapplied: unreadable(operations),
                });
            }
        }
        let locked = Locked::lock(client, run_id, target)?;
        apply(client, &locked, operations)
    })
}

/// Applies what waits for a run that is locked, and operations after it.
fn apply(
    client: &mut SpiClient<'_>,
    locked: &Locked,
    operations: &[Parsed<Node<'_>>],
) -> Result<Written, Refusal> {
    locked.check_open()?;
    let limit = settings::maximum_size();
    let refuse = |error| Refusal::of_draft(error, &locked.id, limit);
    let taken = inbox::take_one(client, &locked.root, &locked.id)?;
    let mut draft = Draft::new(&locked.metadata, limit, locked.size_bound);
    let folded = taken.apply(&mut draft, locked.created_at)?;
    let applied = draft.apply(operations).map_err(refuse)?;
    let grown = folded.count + i64::from(applied.changed);
    let last = || Refusal::LastVersion {
        run: locked.id.clone(),
    };
    let version = locked.version.checked_add(grown).ok_or_else(last)?;
    if grown > 0 {
        locked.store(client, draft.finish().map_err(refuse)?, version)?;
    }
    folded.settle(client)?;
    Ok(Written {
        version: Some(version),
        unapplied: applied.unapplied,
    })
}

/// Returns the operations that cannot be read, whatever the document is.
pub fn unreadable(operations: &[Parsed<Node<'_>>]) -> Vec<Unapplied> {
    let skipped = |(index, operation): (usize, &Parsed<Node<'_>>)| {
        let reason = operation.as_ref().err()?;
        Some(Unapplied {
            index,
            reason: *reason,
        })
    };
    operations.iter().enumerate().filter_map(skipped).collect()
}

/// Applies one operation, made of the arguments of an SQL function, and returns the document's version, or `None` if it
/// waits in the inbox. Without a run id nothing happens.
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
    let operations = [Ok(operation)];
    let encode = || match &operations {
        [Ok(operation)] => list::of_one(operation),
        [Err(_)] => Ok(Jsonb::empty_array()),
    };
    let written = write(run_id, target, &operations, encode)?;
    match written.unapplied.first() {
        Some(skipped) => Err(refuse(skipped.reason)),
        None => Ok(written.version),
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

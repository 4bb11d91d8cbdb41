//! Operations that waited and could not be applied, kept with run, writer and reason: the call that brought them had
//! returned long before.
//!
//! The last [`KEPT`] of a run are kept. Each has a position, counted from 1 at the run's first, so that the newest tells
//! how many there were in all.

use std::collections::VecDeque;

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{
    INT8OID, JSONBARRAYOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID,
    UUIDARRAYOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::jsonb::{Jsonb, Node, View, encode};
use crate::owner::AsOwner;
use crate::refusal::{Refusal, shown};
use crate::statement::Statement;

thread_local! {
    static COUNT: Statement = const { Statement::new(
        include_str!("sql/unapplied_count.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static KEEP: Statement = const { Statement::new(
        include_str!("sql/unapplied_keep.sql"),
        &[
            TEXTOID, TEXTOID, INT8OID, TEXTARRAYOID, UUIDARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
            TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZARRAYOID,
        ],
    ) };
    static FORGET: Statement = const { Statement::new(
        include_str!("sql/unapplied_forget.sql"),
        &[TEXTOID, TEXTOID, INT8OID],
    ) };
}

/// Operations that are kept of a run.
const KEPT: usize = 100;
/// Bytes that an operation may have to be kept whole. Of a larger one the type and the beginning of the key are kept.
const MAXIMUM_BYTES: usize = 4096;

/// An operation that could not be applied.
pub struct Skipped {
    run_created_at: TimestampWithTimeZone,
    source: String,
    writer: Option<pgrx::Uuid>,
    operation: Jsonb<'static>,
    reason: &'static str,
    detail: Option<String>,
}

impl Skipped {
    /// Takes note of an operation for the run that was started at this time.
    pub fn new(
        run_created_at: TimestampWithTimeZone,
        source: &str,
        writer: Option<pgrx::Uuid>,
        operation: Option<Jsonb<'static>>,
        reason: &'static str,
        detail: Option<String>,
    ) -> Self {
        let operation = operation.unwrap_or_else(Jsonb::empty_object);
        let operation = match operation.memory() <= MAXIMUM_BYTES {
            true => operation,
            false => shortened(&operation),
        };
        Skipped {
            run_created_at,
            source: source.to_owned(),
            writer,
            operation,
            reason,
            detail,
        }
    }
}

fn shortened(operation: &Jsonb<'_>) -> Jsonb<'static> {
    let View::Object(members) = operation.view() else {
        return Jsonb::empty_object();
    };
    let text = |name: &str| {
        members
            .member(name.as_bytes())
            .and_then(|value| value.as_str())
    };
    let (key, kind) = (text("key").map(shown), text("type").map(shown));
    let short = Node::of_members([
        key.as_deref().map(|key| ("key", Node::text(key))),
        kind.as_deref().map(|kind| ("type", Node::text(kind))),
    ]);
    encode(&short, 0).unwrap_or_else(|_| Jsonb::empty_object())
}

/// The operations of a run that could not be applied by one fold: how many, and the last ones.
#[derive(Default)]
pub struct Skips {
    count: usize,
    last: VecDeque<Skipped>,
}

impl Skips {
    /// Adds one.
    pub fn add(&mut self, skipped: Skipped) {
        self.count += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(skipped);
    }

    /// Keeps them, if there are any, and forgets the oldest of the run.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn keep(self, client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<(), Refusal> {
        if self.count == 0 {
            return Ok(());
        }
        let _owner = AsOwner::of_unapplied()?;
        let run = || [root.into(), id.into()];
        let known = COUNT.with(|statement| statement.run(client, &run()))?;
        let known = known.first().get_one::<i64>()?.unwrap_or(0);
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let before = known.saturating_add(number(self.count - self.last.len()));
        let after = known.saturating_add(number(self.count));
        let (mut sources, mut writers, mut operations) = (Vec::new(), Vec::new(), Vec::new());
        let (mut reasons, mut details, mut created) = (Vec::new(), Vec::new(), Vec::new());
        for skipped in self.last {
            sources.push(skipped.source);
            writers.push(skipped.writer);
            operations.push(skipped.operation);
            reasons.push(skipped.reason);
            details.push(skipped.detail);
            created.push(skipped.run_created_at);
        }
        let arguments = [
            root.into(),
            id.into(),
            before.into(),
            sources.into(),
            writers.into(),
            operations.into(),
            reasons.into(),
            details.into(),
            clock_timestamp().into(),
            created.into(),
        ];
        KEEP.with(|statement| statement.run(client, &arguments))?;
        let arguments = [root.into(), id.into(), (after - number(KEPT)).into()];
        FORGET.with(|statement| statement.run(client, &arguments))?;
        Ok(())
    }
}

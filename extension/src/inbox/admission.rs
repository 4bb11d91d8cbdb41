//! Whether a list may wait for a run.
//!
//! A list that is admitted is never refused afterwards, so whatever could be a reason to refuse it is decided here, with
//! room to spare: near a limit the list takes the direct way, which locks the run and decides exactly. Lists that are
//! admitted at the same moment do not see each other; they may take a document over the limit by what they add
//! themselves.

use pgrx::datetime::transaction_timestamp;
use pgrx::pg_sys::{
    self,
    BuiltinOid::{INT8OID, TEXTOID},
};
use pgrx::spi::SpiClient;
use runmeta_core::Parsed;

use super::addressee::Addressee;
use super::floor::floor_for_reader;
use super::waiting;
use crate::document;
use crate::jsonb::{Jsonb, Node};
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::run::check_open;
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static WEIGH: Statement = const { Statement::new(
        include_str!("sql/weigh.sql"),
        &[TEXTOID, TEXTOID, INT8OID],
    ) };
}

/// Lists that may wait for one run.
pub const MAXIMUM_LISTS: usize = 4096;
/// Bytes that a list may have in memory for each that it can add to a document.
const MEMORY_RATIO: usize = 4;
/// What the lists that wait for one run may weigh. A guess: as much as four documents of the default limit.
const MAXIMUM_WEIGHT: usize = 1024 * 1024;
/// What one list may weigh.
const MAXIMUM_LIST: usize = 64 * 1024;
/// A run's own list is this many times smaller than its document, if it is to wait.
const OWN_RATIO: usize = 8;
/// Versions that are left to a run whose lists may wait: it gets one for each.
const VERSIONS: i64 = 1 << 32;
/// Microseconds from the end of a run to the start of a transaction that may still queue for it. prune takes no tree
/// that finished less than an hour before the oldest transaction began, so none of these is pruned before the list is
/// committed.
const FINISHED: i64 = 30 * 60 * 1_000_000;

/// A list of operations on its way to the inbox.
pub struct List<'a> {
    /// The operations.
    pub operations: Jsonb<'a>,
    /// What it counts: the bytes that it can add to a document, and at least a fourth of its own.
    pub weight: usize,
}

impl<'a> List<'a> {
    /// Weighs a list.
    pub fn new(operations: Jsonb<'a>, parsed: &[Parsed<Node<'_>>]) -> Self {
        let weight = weight(&operations, parsed);
        List { operations, weight }
    }

    /// Returns what it counts as the table has it.
    pub fn stored_weight(&self) -> i32 {
        i32::try_from(self.weight).unwrap_or(i32::MAX)
    }
}

/// Returns what a list counts: an increment of a short key has some 25 bytes of growth, and 72 of JSONB.
fn weight(operations: &Jsonb<'_>, parsed: &[Parsed<Node<'_>>]) -> usize {
    document::growth(parsed).max(operations.memory() / MEMORY_RATIO)
}

/// Returns true if a list may wait for this run.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn admits(
    client: &mut SpiClient<'_>,
    run: &Addressee,
    list: &List<'_>,
) -> Result<bool, Refusal> {
    let bound = run.size_bound.and_then(|bound| usize::try_from(bound).ok());
    let Some(bound) = bound.filter(|_| list.weight <= MAXIMUM_LIST) else {
        return Ok(false);
    };
    let waiting = match waiting::now(&run.id) {
        Some(counted) => counted,
        None => count(client, run)?,
    };
    Ok(fits(waiting, &[list.weight], bound) && run.version <= i64::MAX - VERSIONS && is_open(run))
}

/// Returns true if lists of these weights fit beside so many lists and bytes that wait for a document of this size.
fn fits((lists, weight): (usize, usize), weights: &[usize], size: usize) -> bool {
    let add = |sum: usize, weight: &usize| sum.saturating_add(*weight);
    let weight = weights.iter().fold(weight, add);
    lists + weights.len() <= MAXIMUM_LISTS
        && weight <= MAXIMUM_WEIGHT
        && size.saturating_add(weight) <= settings::maximum_size()
}

/// Returns true if a list is small beside a document.
fn is_small(weight: usize, size: usize) -> bool {
    weight.saturating_mul(OWN_RATIO) <= size
}

/// Counts what waits for a run, with its bytes, where shared memory does not.
fn count(client: &mut SpiClient<'_>, run: &Addressee) -> Result<(usize, usize), Refusal> {
    let _owner = AsOwner::of_inbox()?;
    let floor = floor_for_reader(&run.root, &run.id);
    let arguments = [
        run.root.as_str().into(),
        run.id.as_str().into(),
        floor.into(),
    ];
    let rows = WEIGH.with(|statement| statement.run(client, &arguments))?;
    let (lists, bytes) = rows.first().get_two::<i64, i64>()?;
    let number = |value: Option<i64>| usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX);
    Ok((number(lists), number(bytes)))
}

/// Returns true if a run's own list may wait for this run: the list is small beside the document.
pub fn admits_own(run: &Addressee, list: &List<'_>) -> bool {
    is_large(run.size_bound) && is_small(list.weight, run.size())
}

/// Returns true if own lists of these weights may wait for a run with a document of this size, as far as shared memory shows.
pub fn has_room(id: &str, size_bound: Option<i32>, weights: &[usize]) -> bool {
    let size = size_bound
        .and_then(|bound| usize::try_from(bound).ok())
        .unwrap_or(0);
    let small = |weight: &usize| *weight <= MAXIMUM_LIST && is_small(*weight, size);
    weights.iter().all(small)
        && waiting::now(id).is_some_and(|waiting| fits(waiting, weights, size))
}

/// Returns true if a document is so large that small operations wait for it.
pub fn is_large(size_bound: Option<i32>) -> bool {
    settings::inbox_threshold().is_some_and(|threshold| size_bound.unwrap_or(0) >= threshold)
}

fn is_open(run: &Addressee) -> bool {
    let Some(finished_at) = run.finished_at else {
        return true;
    };
    let microseconds = |time| pg_sys::TimestampTz::from(time);
    let since = microseconds(transaction_timestamp()).saturating_sub(microseconds(finished_at));
    since < FINISHED && check_open(&run.id, run.finished_at).is_ok()
}

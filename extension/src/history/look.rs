//! Whether a sample is taken of a number that is due.

use pgrx::prelude::*;

use super::tracked::Number;
use super::{due, store};
use crate::document::value_at_key;
use crate::jsonb::{Decimal, View};
use crate::refusal::Refusal;

/// A run that changes.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The first run of its tree.
    pub root: &'a str,
    /// Its id.
    pub id: &'a str,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
    /// When it was written to before, in microseconds as Postgres counts them.
    pub written_before: i64,
    /// Whether its attempt ends or another begins, of which a sample is taken in any case.
    pub is_turn: bool,
}

/// A number before and after a change.
#[derive(Clone, Copy)]
pub struct Change {
    /// What it was, if it was one.
    pub before: Option<f64>,
    /// What it is, if it is one.
    pub after: Option<f64>,
}

/// Returns the number in a document.
pub fn number_in(document: View<'_>, number: &Number) -> Option<f64> {
    match value_at_key(document, &number.key)? {
        View::Number(bytes) => Decimal::of(bytes).nearest_double(),
        _ => None,
    }
}

/// Takes a sample of a number that is due, if it has changed.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn look_at(run: Run<'_>, number: &Number, change: Change, now: i64) -> Result<(), Refusal> {
    let hash = number.hash(run.id, run.created_at);
    let Some(after) = change.after else {
        due::set_looked_at(hash, now);
        return Ok(());
    };
    let mut samples = store::read(run, number)?;
    samples.spacing = samples.spacing.max(number.every);
    let last_at = samples.last_at();
    let since_last = last_at.map_or(i64::MAX, |last| now.saturating_sub(last));
    // Only that it was looked at was forgotten.
    if !run.is_turn && (0..number.every).contains(&since_last) {
        due::set_looked_at(hash, now - since_last);
        return Ok(());
    }
    let mut changed = false;
    if let Some(before) = change.before
        && is_worth_a_sample(run.written_before, last_at, number.every, now)
    {
        changed |= samples.add(run.written_before, before);
    }
    changed |= samples.add(now, after);
    if changed {
        samples.bound(number.keep);
        store::store(run, number, &samples)?;
    }
    due::set_looked_at(hash, now);
    Ok(())
}

/// Returns true if the write before this one left a number of which a sample is taken now: the first, from which the number
/// sets out, and one after which nobody wrote for as long as from a sample to the next.
fn is_worth_a_sample(written: i64, last_at: Option<i64>, every: i64, now: i64) -> bool {
    let is_known = (1..now).contains(&written);
    is_known && last_at.is_none_or(|last| last < written && now - written >= every)
}

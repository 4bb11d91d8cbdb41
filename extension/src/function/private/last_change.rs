//! `runmeta._last_change(at, value, current)`, which the view `runmeta.stuck_run` calls.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::history::History;
use crate::jsonb::Decimal;

/// Returns when a number last changed, or infinity if it has changed since the last sample.
#[pg_extern(sql = false)]
fn last_change(
    at: Option<Array<'_, TimestampWithTimeZone>>,
    value: Option<Array<'_, f64>>,
    current: Option<Decimal>,
) -> Answer<TimestampWithTimeZone> {
    answer(|| {
        let known = at
            .zip(value)
            .zip(current.and_then(|current| current.nearest_double()));
        let last =
            known.and_then(|((at, value), current)| History::new(&at, &value).last_change(current));
        let last = last.and_then(|last| TimestampWithTimeZone::try_from(last).ok());
        Ok(last.unwrap_or(TimestampWithTimeZone::positive_infinity()))
    })
}

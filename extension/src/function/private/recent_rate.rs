//! `runmeta._recent_rate(at, value, spacing, began_at, now, current)`, which the view `runmeta.progress` calls.

use pgrx::datum::Interval;
use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::history::{History, microseconds};
use crate::jsonb::Decimal;

/// Returns by how much a number grew a second of late, or NULL if its history does not tell.
#[pg_extern(sql = false)]
fn recent_rate(
    at: Array<'_, TimestampWithTimeZone>,
    value: Array<'_, f64>,
    spacing: Interval,
    began_at: TimestampWithTimeZone,
    now: TimestampWithTimeZone,
    current: Decimal,
) -> Answer<Option<f64>> {
    answer(|| {
        let history = History::new(&at, &value);
        let spacing = microseconds(&spacing);
        let times = (began_at.into(), now.into());
        Ok(current
            .nearest_double()
            .and_then(|current| history.recent_rate(spacing, times, current)))
    })
}

//! How fast a number grew of late, and when it last changed.

use pgrx::prelude::*;

/// Microseconds of the shortest time of which a rate is taken: in less it varies too much to be shown.
const SHORTEST: i64 = 500_000;
/// Microseconds that "of late" has at the least. A guess: six samples of those that are taken unless told otherwise.
const WINDOW: i64 = 60_000_000;
/// The part of the attempt's time that "of late" is: of 45 samples in 10 hours, the last eleven.
const PART: i64 = 4;

/// A history as it is stored.
pub struct History {
    /// Times, in microseconds as Postgres counts them.
    at: Vec<i64>,
    /// What the number was from then on.
    value: Vec<f64>,
}

impl History {
    /// Takes the arrays of the table. What has no counterpart in the other is left out.
    pub fn new(at: &Array<'_, TimestampWithTimeZone>, value: &Array<'_, f64>) -> History {
        let pairs = at.iter().zip(value.iter());
        let (at, value) = pairs
            .filter_map(|(at, value)| Some((pg_sys::TimestampTz::from(at?), value?)))
            .unzip();
        History { at, value }
    }

    /// Returns by how much the number grew a second in the last quarter of the attempt's time, or in its last minute if that
    /// is more. `None` where the samples do not tell: there are none, the attempt has just begun, or the number has become
    /// less than it was. Times are those of the attempt's beginning and of now.
    pub fn recent_rate(&self, spacing: i64, (began, now): (i64, i64), current: f64) -> Option<f64> {
        let elapsed = now.checked_sub(began)?;
        let begin = now.checked_sub((elapsed / PART).max(WINDOW).min(elapsed))?;
        let before = self.at.partition_point(|at| *at <= begin);
        let falls = self.value.windows(2).rposition(|pair| pair[1] < pair[0]);
        // From the last sample before the window on, or from where the number began anew.
        let first = before
            .saturating_sub(1)
            .max(falls.map_or(0, |fall| fall + 1));
        let (at, value) = (*self.at.get(first)?, *self.value.get(first)?);
        // If it is far older, the number stood still for long before the window.
        let at = at.max(begin.saturating_sub(spacing)).max(began);
        let duration = now
            .checked_sub(at)
            .filter(|duration| *duration >= SHORTEST)?;
        let rate = (current - value) / (duration as f64 / 1e6);
        (rate >= 0.0 && rate.is_finite()).then_some(rate)
    }

    /// Returns when the number last changed. `None` if that is not known, because it has changed since the last sample.
    pub fn last_change(&self, current: f64) -> Option<i64> {
        let is_last = *self.value.last()? == current;
        self.at.last().copied().filter(|_| is_last)
    }
}

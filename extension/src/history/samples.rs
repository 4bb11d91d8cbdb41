//! The samples of one number of one run: bounded, and evenly spread over the whole life of the run.
//!
//! Between two samples the number was what the earlier one says: a sample is taken only when it has changed. The last one
//! is always there. The others are at least [`spacing`](Samples::spacing) apart; where they become too many, every other one
//! is dropped, and the spacing becomes that of those which are left: it doubles, or more where samples came more rarely. So a
//! run of ten hours has 30 to 60 samples, 10 to 20 minutes apart.

/// Samples in ascending order of time.
#[derive(Debug, Default)]
pub struct Samples {
    /// Times, in microseconds as Postgres counts them.
    pub at: Vec<i64>,
    /// What the number was from then on.
    pub value: Vec<f64>,
    /// Microseconds from a sample to the next, at the least.
    pub spacing: i64,
}

impl Samples {
    /// Returns the time of the last sample.
    pub fn last_at(&self) -> Option<i64> {
        self.at.last().copied()
    }

    /// Adds a sample and returns true, unless the number is what the last sample says.
    pub fn add(&mut self, at: i64, value: f64) -> bool {
        // Of a time that the clock, which was set back, has not reached again.
        while self.last_at().is_some_and(|last| last > at) {
            self.pop();
        }
        if self.value.last() == Some(&value) {
            return false;
        }
        if self.is_last_provisional() || self.last_at() == Some(at) {
            self.pop();
        }
        self.at.push(at);
        self.value.push(value);
        true
    }

    /// Drops every other sample but for the last, and widens the spacing, until there are at most so many.
    pub fn bound(&mut self, keep: usize) {
        while self.at.len() > keep.max(2) {
            let last = self.at.len() - 1;
            let is_kept = |position: usize| position.is_multiple_of(2) || position == last;
            retain(&mut self.at, is_kept);
            retain(&mut self.value, is_kept);
            let span = self.at.first().zip(self.at.last());
            let span = span.map_or(0, |(first, last)| last.saturating_sub(*first));
            let spacing = span / i64::try_from(keep / 2).unwrap_or(1).max(1);
            self.spacing = self.spacing.saturating_mul(2).max(spacing);
        }
    }

    /// Returns true if the last sample is too near to the one before it to stay.
    fn is_last_provisional(&self) -> bool {
        match self.at.as_slice() {
            [.., before, last] => last - before < self.spacing,
            _ => false,
        }
    }

    fn pop(&mut self) {
        self.at.pop();
        self.value.pop();
    }
}

fn retain<T>(all: &mut Vec<T>, is_kept: impl Fn(usize) -> bool) {
    let mut position = 0;
    all.retain(|_| {
        position += 1;
        is_kept(position - 1)
    });
}

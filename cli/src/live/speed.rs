//! How fast a number grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is older than this is not counted in the rate of now.
const WINDOW: Duration = Duration::from_secs(15);

/// The rate of a shorter time varies too much to be shown.
const FIRST: Duration = Duration::from_millis(500);

/// Values that are kept, so that each takes a part of the window: a bound on the memory.
const KEPT: usize = 64;

/// Measures from the first value on: what was done before is not our speed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speed {
    values: VecDeque<(Instant, f64)>,
}

impl Speed {
    /// Takes the value of now.
    pub(crate) fn see(&mut self, value: f64, now: Instant) {
        // Another attempt begins anew.
        if self.values.back().is_some_and(|(_, last)| value < *last) {
            self.values.clear();
        }
        // Of values that come in quick succession the last one is kept.
        if self.values.len() >= 2
            && let Some((before, _)) = self.values.get(self.values.len() - 2)
            && now.duration_since(*before) < WINDOW / KEPT as u32
        {
            self.values.pop_back();
        }
        self.values.push_back((now, value));
        while self.values.len() > 2
            && self
                .values
                .get(1)
                .is_some_and(|(time, _)| now.duration_since(*time) >= WINDOW)
        {
            self.values.pop_front();
        }
    }

    /// Returns how much the number grew a second, of late; none at first and where it does not grow.
    pub(crate) fn rate(&self, now: Instant) -> Option<f64> {
        let (start, first) = self.values.front()?;
        let (_, last) = self.values.back()?;
        let time = now.duration_since(*start);
        let rate = (last - first) / time.as_secs_f64();
        (time >= FIRST && rate > 0.0 && rate.is_finite()).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn speed_leaves_out_what_was_there_before() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        speed.see(1_000.0, start);
        assert_eq!(speed.rate(start), None);
        speed.see(1_500.0, after(start, 2.0));
        assert_eq!(speed.rate(after(start, 2.0)), Some(250.0));
    }

    #[test]
    fn speed_is_that_of_late() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        for second in 0..100 {
            let value = if second < 60 {
                100 * second
            } else {
                6_000 + 10 * (second - 60)
            };
            speed.see(f64::from(value), after(start, f64::from(second)));
        }
        assert_eq!(speed.rate(after(start, 99.0)), Some(10.0));
        assert!(speed.values.len() <= KEPT);
    }

    #[test]
    fn speed_falls_while_nothing_comes() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        speed.see(0.0, start);
        speed.see(10.0, after(start, 1.0));
        assert_eq!(speed.rate(after(start, 5.0)), Some(2.0));
    }

    #[test]
    fn another_attempt_is_measured_anew() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        speed.see(100.0, start);
        speed.see(0.0, after(start, 1.0));
        assert_eq!(speed.rate(after(start, 1.0)), None);
    }

    #[test]
    fn many_values_take_bounded_memory() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        for value in 0..100_000 {
            speed.see(f64::from(value), after(start, f64::from(value) / 1_000.0));
        }
        assert!(speed.values.len() <= KEPT + 2, "{}", speed.values.len());
    }
}

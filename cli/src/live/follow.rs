//! What is remembered of each run that is followed: how fast its numbers grow, and of how much `progress` is a part.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::measure::{Measure, Total, measures};
use super::run::Run;
use super::speed::Speed;

/// The measures of one run, as they were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follow {
    measures: Vec<Measure>,
    seen: HashMap<String, Seen>,
    is_over: bool,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    of_hundred: bool,
    speed: Speed,
}

/// A measure, and what was seen of it over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress<'a> {
    pub(crate) label: &'a str,
    pub(crate) done: f64,
    /// None for a number that is itself the progress.
    pub(crate) total: Option<f64>,
    /// From 0 to 1.
    pub(crate) fraction: f64,
    /// How much is done a second; none if that is not known.
    pub(crate) rate: Option<f64>,
    pub(crate) left: Option<Duration>,
}

impl Follow {
    /// Takes the state of now.
    pub(crate) fn see(&mut self, run: &Run, now: Instant) {
        self.is_over = run.is_over();
        self.measures = measures(&run.metadata).0;
        // What is gone need not be remembered, nor have more memory than the document.
        self.seen
            .retain(|label, _| self.measures.iter().any(|measure| &measure.label == label));
        for measure in &self.measures {
            let seen = self.seen.entry(measure.label.clone()).or_default();
            seen.of_hundred |= measure.total == Total::Whole && measure.done > 1.0;
            seen.speed.see(measure.done, now);
        }
    }

    /// Returns how far the run is.
    pub(crate) fn progress(&self, now: Instant) -> Vec<Progress<'_>> {
        self.measures
            .iter()
            .map(|measure| self.of(measure, now))
            .collect()
    }

    fn of<'a>(&'a self, measure: &'a Measure, now: Instant) -> Progress<'a> {
        let seen = self.seen.get(&measure.label);
        let of_hundred = seen.is_some_and(|seen| seen.of_hundred);
        let left = measure.left(of_hundred);
        let rate = seen
            .and_then(|seen| seen.speed.rate(now))
            .filter(|_| left > 0.0 && !self.is_over);
        Progress {
            label: &measure.label,
            done: measure.done,
            total: match measure.total {
                Total::Whole => None,
                Total::Number(total) => Some(total),
            },
            fraction: measure.fraction(of_hundred),
            rate,
            left: rate.and_then(|rate| Duration::try_from_secs_f64(left / rate).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn run(metadata: Value) -> Run {
        Run {
            metadata,
            ..Run::default()
        }
    }

    #[test]
    fn progress_is_of_hundred_once_it_was_greater_than_one() {
        let (mut follow, now) = (Follow::default(), Instant::now());
        let fraction = |follow: &mut Follow, progress: Value| {
            follow.see(&run(json!({"progress": progress})), now);
            follow.progress(now)[0].fraction
        };
        assert_eq!(fraction(&mut follow, json!(0.5)), 0.5);
        assert_eq!(fraction(&mut follow, json!(1)), 1.0);
        assert_eq!(fraction(&mut follow, json!(2)), 0.02);
        assert_eq!(fraction(&mut follow, json!(1)), 0.01);
        assert_eq!(fraction(&mut follow, json!(250)), 1.0);
    }

    /// Returns rate and time left of a run that got from one number to the other of a hundred in two seconds.
    fn after_two_seconds(done: [u32; 2], finished: bool) -> (Option<f64>, Option<Duration>) {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.see(&run(json!({"done": done[0], "total": 100})), start);
        let now = start + Duration::from_secs(2);
        let mut last = run(json!({"done": done[1], "total": 100}));
        last.finished = finished.then(std::time::SystemTime::now);
        follow.see(&last, now);
        let progress = follow.progress(now);
        (progress[0].rate, progress[0].left)
    }

    #[test]
    fn time_left_is_what_is_left_at_the_rate() {
        assert_eq!(
            after_two_seconds([0, 20], false),
            (Some(10.0), Some(Duration::from_secs(8)))
        );
    }

    #[test]
    fn nothing_is_left_of_what_is_done_or_has_finished() {
        assert_eq!(after_two_seconds([0, 100], false), (None, None));
        assert_eq!(after_two_seconds([0, 20], true), (None, None));
    }
}

//! How far an import is, and how that looks.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printable::{printable, shortened};

/// What the bar itself and the per cent need beside the words.
const BAR: usize = " 100 %  ".len() + 10;

/// What a watcher has read of an import.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) total: u64,
    pub(crate) processed: u64,
    pub(crate) invalid: u64,
    pub(crate) last_problem: Option<String>,
}

/// Shows progress on stderr: a bar where that is a terminal, otherwise a line now and then.
pub(crate) enum Display {
    Bar {
        bar: ProgressBar,
        speed: Speed,
    },
    Lines {
        speed: Speed,
        last_tenth: Option<u64>,
    },
}

/// Measures rows a second from the first look on: what was done before is not our speed.
#[derive(Default)]
pub(crate) struct Speed {
    start: Option<(Instant, u64)>,
}

impl Display {
    /// Chooses by what stderr is.
    pub(crate) fn new() -> Self {
        let speed = Speed::default();
        if !std::io::stderr().is_terminal() {
            return Self::Lines {
                speed,
                last_tenth: None,
            };
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        // A template is checked when it is read; the default is shown if ours should have a fault.
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar:.green} {percent:>3} %  {msg}\n{prefix:.dim}")
        {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self::Bar { bar, speed }
    }

    /// Shows a state.
    pub(crate) fn show(&mut self, progress: &Progress) {
        match self {
            Self::Bar { bar, speed } => {
                let rate = speed.rate(progress.processed, Instant::now());
                let width = usize::from(Term::stderr().size().1);
                bar.set_length(progress.total);
                bar.set_position(progress.processed);
                bar.set_message(progress.words_within(width.saturating_sub(BAR), rate));
                bar.set_prefix(progress.problem_within(width));
                bar.tick();
            }
            Self::Lines { speed, last_tenth } => {
                let rate = speed.rate(progress.processed, Instant::now());
                let tenth = progress.processed * 10 / progress.total.max(1);
                if *last_tenth != Some(tenth) {
                    *last_tenth = Some(tenth);
                    let _ = writeln!(
                        std::io::stderr(),
                        "{:>3} %  {}",
                        progress.processed * 100 / progress.total.max(1),
                        progress.words(rate)
                    );
                }
            }
        }
    }

    /// Leaves the screen to what follows.
    pub(crate) fn end(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    /// Says how far it is, beside the bar.
    fn words(&self, rate: Option<f64>) -> String {
        let mut words = format!(
            "{} of {} rows, {} invalid",
            HumanCount(self.processed),
            HumanCount(self.total),
            HumanCount(self.invalid)
        );
        if let Some(rate) = rate.filter(|rate| *rate >= 1.0) {
            words += &format!(", {}/s", HumanCount(rate as u64));
            let left =
                Duration::from_secs_f64(self.total.saturating_sub(self.processed) as f64 / rate);
            if left >= Duration::from_secs(5) {
                words += &format!(", {left:#} left", left = HumanDuration(left));
            }
        }
        words
    }

    /// Says it in less words where the terminal is narrow.
    fn words_within(&self, width: usize, rate: Option<f64>) -> String {
        let words = self.words(rate);
        match words.chars().count() <= width {
            true => words,
            false => shortened(&format!("{}/{} rows", self.processed, self.total), width),
        }
    }

    fn problem_within(&self, width: usize) -> String {
        self.last_problem
            .as_deref()
            .map(printable)
            .map(|problem| shortened(&problem, width))
            .unwrap_or_default()
    }
}

impl Speed {
    fn rate(&mut self, processed: u64, now: Instant) -> Option<f64> {
        let (start, before) = *self.start.get_or_insert((now, processed));
        let seconds = now.duration_since(start).as_secs_f64();
        // The first moments say little.
        (seconds >= 0.5).then(|| processed.saturating_sub(before) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            total: 3_376,
            processed: 1_825,
            invalid: 12,
            last_problem: Some("line 7: city is \u{1b}NA".to_owned()),
        }
    }

    #[test]
    fn words_tell_rows_and_speed() {
        assert_eq!(progress().words(None), "1,825 of 3,376 rows, 12 invalid");
        assert_eq!(
            progress().words(Some(1_499.6)),
            "1,825 of 3,376 rows, 12 invalid, 1,499/s"
        );
        assert_eq!(
            progress().words(Some(100.0)),
            "1,825 of 3,376 rows, 12 invalid, 100/s, 16s left"
        );
    }

    #[test]
    fn words_leave_room_for_a_bar() {
        let all = progress().words(Some(1_499.6));
        assert_eq!(progress().words_within(80 - BAR, Some(1_499.6)), all);
        assert_eq!(
            progress().words_within(40 - BAR, Some(1_499.6)),
            "1825/3376 rows"
        );
        assert_eq!(progress().words_within(5, None), "1825…");
        assert_eq!(progress().words_within(0, None), "…");
    }

    #[test]
    fn problem_cannot_move_the_cursor() {
        assert_eq!(progress().problem_within(80), "line 7: city is \\u001bNA");
        assert_eq!(progress().problem_within(10), "line 7: c…");
    }

    #[test]
    fn speed_leaves_out_what_was_there_before() {
        let mut speed = Speed::default();
        let start = Instant::now();
        assert_eq!(speed.rate(1_000, start), None);
        assert_eq!(
            speed.rate(1_500, start + Duration::from_secs(2)),
            Some(250.0)
        );
    }
}

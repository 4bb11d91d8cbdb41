//! What writes cost more while a number of their task is tracked: pairs of turns with and without, in one session.

use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::measurement::flush::Flush;
use crate::server::Server;

const ROUNDS: usize = 15;
const INCREMENTS: usize = 1000;
const FLUSHES: usize = 5;
const RUNS: f64 = 1000.0;

/// The part of a write that tracking may cost. A ratio of medians varies by as much on a busy machine.
const BUDGET: Budget = Budget::AtMostTimes(1.05);

const TRACK: &str = "SELECT runmeta.track('import', 'progress', '1 second')";
const UNTRACK: &str = "SELECT runmeta.untrack('import')";

/// Measures increments of one run and flushes for 1,000, between two samples, and a flush that takes 1,000 samples.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    // What is compared is some microseconds: no wait for the disk.
    session.run("UPDATE runmeta.run SET task = 'import'; SET synchronous_commit = off")?;
    server.settle()?;
    let increment = session.prepare("SELECT runmeta.increment('run 1', 'progress')")?;
    let mut flush = Flush::prepare(server)?;
    let (mut increments, mut flushes) = (Pair::default(), Pair::default());
    let mut samples = Figures::default();
    for round in 0..ROUNDS {
        for is_tracked in [round % 2 == 0, round % 2 != 0] {
            session.run(if is_tracked { TRACK } else { UNTRACK })?;
            // Plans are made anew, and the next samples are due in a second.
            thread::sleep(Duration::from_millis(1100));
            session.execute(&increment, &[])?;
            let start = Instant::now();
            for _ in 0..INCREMENTS {
                session.execute(&increment, &[])?;
            }
            let taken = start.elapsed().as_secs_f64() / INCREMENTS as f64;
            increments.push(is_tracked, taken * 1e6);
            let first = flush.send()?;
            flush.send()?;
            let mut taken = 0.0;
            for _ in 0..FLUSHES {
                taken += flush.send()? / FLUSHES as f64;
            }
            flushes.push(is_tracked, taken * 1e3);
            if is_tracked {
                samples.push((first - taken) / RUNS * 1e6);
            }
            server.settle()?;
        }
    }
    session.run(UNTRACK)?;
    session.run("RESET synchronous_commit")?;
    Ok(vec![
        increments.line(
            "`increment` of a tracked number, 1 session, live updates on",
            "µs",
        ),
        flushes.line(
            "`flush` of tracked numbers, 1,000 runs a batch, 1 session",
            "ms",
        ),
        Line::alone(
            "a sample, of 1,000 in one `flush`",
            samples,
            Unit::Cost("µs"),
            Budget::None,
        ),
    ])
}

/// What a write takes with tracking and without.
#[derive(Default)]
struct Pair {
    tracked: Figures,
    untracked: Figures,
}

impl Pair {
    fn push(&mut self, is_tracked: bool, taken: f64) {
        match is_tracked {
            true => self.tracked.push(taken),
            false => self.untracked.push(taken),
        }
    }

    fn line(&self, name: &str, unit: &'static str) -> Line {
        Line::beside(
            name,
            &self.tracked,
            ("the same where nothing is tracked", &self.untracked),
            Unit::Cost(unit),
            BUDGET,
        )
    }
}

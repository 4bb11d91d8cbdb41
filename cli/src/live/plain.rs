//! A change as lines of text, where output is no terminal.

use super::bar::sentence;
use super::follow::Follow;
use super::log;
use super::run::Run;
use super::view::Now;
use crate::printable::printable;

/// Says how far a run is, in one line.
pub(crate) fn plain(run: &Run, follow: &Follow, now: Now) -> String {
    let mut line = format!("{}  {}", printable(&run.id), printable(run.status()));
    if run.attempt > 1 {
        line += &format!(" (attempt {})", run.attempt);
    }
    if !run.gone {
        for progress in follow.progress(now.instant) {
            line += "  ";
            line += &printable(&sentence(&progress));
        }
    }
    line
}

/// Returns the log lines that are new, each with an indentation.
pub(crate) fn plain_log(before: Option<&Run>, run: &Run) -> Vec<String> {
    let none = serde_json::Value::Null;
    let before = before.map_or(&none, |before| &before.metadata);
    let new = log::new(before, &run.metadata);
    new.iter()
        .map(|line| format!("  {}", printable(line)))
        .collect()
}

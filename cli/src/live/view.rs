//! One run, as `runmeta watch` shows it in a terminal.

use std::time::{Instant, SystemTime};

use serde_json::Value;

use super::amount::time;
use super::bar::Bars;
use super::follow::Follow;
use super::line::{Line, Look, filled, width};
use super::log;
use super::measure::measures;
use super::run::Run;

/// Log lines that are shown.
const LOG: usize = 5;

/// Other values that are shown.
const VALUES: usize = 8;

/// Measures that are shown.
const BARS: usize = 8;

/// When a run is looked at, by both clocks: the one of the calendar may be set back.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) time: SystemTime,
}

impl Now {
    /// Returns the time now.
    pub(crate) fn get() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }
}

/// Shows a run in so many columns and rows: its status, a bar for each measure, other short values, and the last log lines.
pub(crate) fn view(run: &Run, follow: &Follow, now: Now, columns: usize, rows: usize) -> Vec<Line> {
    let mut lines = head(run, now, columns);
    let progress = follow.progress(now.instant);
    let (_, measured) = measures(&run.metadata);
    let values = values(&run.metadata, &measured);
    let labels = progress.iter().map(|progress| width(progress.label));
    let label = labels
        .chain(values.iter().map(|(key, _)| width(key)))
        .max()
        .unwrap_or(0)
        .min(columns / 3);
    let shown = &progress[..progress.len().min(BARS)];
    let bars = Bars::of(shown, columns.saturating_sub(label + 2));
    for progress in shown {
        let mut line = Line::new();
        line.push(Look::Plain, &filled(progress.label, label));
        line.space(2);
        bars.draw(&mut line, progress);
        lines.push(line.cut(columns));
    }
    for (key, value) in values {
        let mut line = Line::new();
        line.push(Look::Plain, &filled(&key, label));
        line.space(2);
        line.push(Look::Plain, &value);
        lines.push(line.cut(columns));
    }
    let room = rows.saturating_sub(lines.len()).min(LOG);
    for text in log::last(&run.metadata, room) {
        let mut line = Line::new();
        line.push(Look::Dim, &text);
        lines.push(line.cut(columns));
    }
    lines.truncate(rows);
    lines
}

/// Shows the id, the status, the attempt if it is not the first, and the time: in one line if they fit.
fn head(run: &Run, now: Now, columns: usize) -> Vec<Line> {
    let mut name = Line::new();
    name.push(Look::Name, &run.id);
    let mut rest = Line::new();
    rest.push(Look::Plain, run.status());
    if run.attempt > 1 {
        rest.push(Look::Plain, &format!("  attempt {}", run.attempt));
    }
    if let Some(elapsed) = run.elapsed(now.time).filter(|_| !run.gone) {
        rest.push(Look::Dim, &format!("  {}", time(elapsed)));
    }
    if name.width() + 2 + rest.width() > columns {
        return vec![name.cut(columns), rest.cut(columns)];
    }
    name.space(2);
    vec![name.and(rest)]
}

/// Returns the values of a document that fit a line and are not shown otherwise.
fn values(metadata: &Value, measured: &[&str]) -> Vec<(String, String)> {
    let Some(document) = metadata.as_object() else {
        return Vec::new();
    };
    let shown = document
        .iter()
        .filter(|(key, _)| !measured.contains(&key.as_str()));
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    shown
        .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
        .take(VALUES)
        .collect()
}

//! The runs of a tree, a line each, as `runmeta tree` shows them.

use std::collections::HashMap;

use super::bar::Bars;
use super::follow::Follow;
use super::follow::Progress;
use super::line::{Line, Look, filled, width};
use super::run::Run;
use super::view::Now;

/// From this width on there is a column for the status beside the bars.
const WIDE: usize = 60;

/// A run of a tree, and how far below the first run it is.
pub(crate) struct Member<'a> {
    pub(crate) run: &'a Run,
    pub(crate) depth: usize,
    pub(crate) follow: &'a Follow,
}

/// Shows a tree in so many columns and rows. Where it has more runs than rows, those that are not over come first, and the last
/// line counts the others.
pub(crate) fn family(members: &[Member<'_>], now: Now, columns: usize, rows: usize) -> Vec<Line> {
    let shown = chosen(members, rows);
    let entries: Vec<Entry<'_>> = shown
        .iter()
        .map(|index| Entry::of(&members[*index], now, columns))
        .collect();
    let layout = Layout::of(&entries, columns);
    let mut lines: Vec<Line> = entries.iter().map(|entry| layout.line(entry)).collect();
    if shown.len() < members.len() && rows > 0 {
        let hidden = (0..members.len()).filter(|index| !shown.contains(index));
        lines.push(rest(hidden.map(|index| members[index].run)).cut(columns));
    }
    lines
}

/// What a line shows.
struct Entry<'a> {
    name: String,
    status: String,
    /// None for a run that has no bar.
    progress: Option<Progress<'a>>,
}

impl<'a> Entry<'a> {
    fn of(member: &Member<'a>, now: Now, columns: usize) -> Self {
        let Member { run, follow, .. } = member;
        // In a narrow terminal the bar of a run shows that it is running.
        let has_bar = !run.gone && (columns >= WIDE || !run.is_over());
        let progress = follow.progress(now.instant).into_iter().next();
        Self {
            name: name(member),
            status: status(run),
            progress: progress.filter(|_| has_bar),
        }
    }
}

/// Where the parts of a line are.
struct Layout {
    columns: usize,
    name: usize,
    /// None where it stands in place of a bar.
    status: Option<usize>,
    bars: Bars,
}

impl Layout {
    fn of(entries: &[Entry<'_>], columns: usize) -> Self {
        let with_bar = entries.iter().filter(|entry| entry.progress.is_some());
        let name = widest(entries.iter().map(|entry| &entry.name)).min(columns / 2);
        let status = widest(with_bar.clone().map(|entry| &entry.status)).min(columns / 4);
        let status = (columns >= WIDE).then_some(status);
        let taken = name + 2 + status.map_or(0, |status| status + 2);
        let progress = with_bar.filter_map(|entry| entry.progress.as_ref());
        let bars = Bars::of(progress, columns.saturating_sub(taken));
        Self {
            columns,
            name,
            status,
            bars,
        }
    }

    fn line(&self, entry: &Entry<'_>) -> Line {
        let mut line = Line::new();
        line.push(Look::Name, &filled(&entry.name, self.name));
        line.space(2);
        match (&entry.progress, self.status) {
            (None, _) => line.push(Look::Plain, &entry.status),
            (Some(progress), None) => self.bars.draw(&mut line, progress),
            (Some(progress), Some(status)) => {
                line.push(Look::Plain, &filled(&entry.status, status));
                line.space(2);
                self.bars.draw(&mut line, progress);
            }
        }
        line.cut(self.columns)
    }
}

fn widest<'a>(texts: impl Iterator<Item = &'a String>) -> usize {
    texts.map(|text| width(text)).max().unwrap_or(0)
}

/// Chooses the runs for which there is room, in the order of the tree.
fn chosen(members: &[Member<'_>], rows: usize) -> Vec<usize> {
    if members.len() <= rows {
        return (0..members.len()).collect();
    }
    let room = rows.saturating_sub(1);
    let mut order: Vec<usize> = (0..members.len()).collect();
    // Stable: the first run stays first, and runs that are as important stay in the order of the tree.
    order.sort_by_key(|index| *index != 0 && members[*index].run.is_over());
    order.truncate(room);
    order.sort_unstable();
    order
}

/// Returns the id with its indentation; where it begins with that of the parent, only what follows.
fn name(member: &Member<'_>) -> String {
    let Member { run, depth, .. } = member;
    let parent = run
        .parent
        .as_deref()
        .filter(|_| *depth > 0)
        .unwrap_or_default();
    let rest = run
        .id
        .strip_prefix(parent)
        .filter(|rest| !parent.is_empty() && rest.starts_with(['/', ':', '.', '-']));
    let id = match rest {
        Some(rest) => format!("…{rest}"),
        None => run.id.clone(),
    };
    "  ".repeat(*depth) + &crate::printable::printable(&id)
}

fn status(run: &Run) -> String {
    match run.attempt {
        0 | 1 => run.status().to_owned(),
        attempt => format!("{} (attempt {attempt})", run.status()),
    }
}

/// Counts runs by their status.
fn rest<'a>(runs: impl Iterator<Item = &'a Run>) -> Line {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for run in runs {
        *counts.entry(run.status()).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(status, count)| (std::cmp::Reverse(*count), *status));
    let counts: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    let mut line = Line::new();
    line.push(Look::Dim, &format!("… {all} more: {}", counts.join(", ")));
    line
}

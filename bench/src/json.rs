//! Results for programs: `target/bench.json`.

use serde_json::{Value, json};

use crate::figures::Figures;
use crate::line::{Budget, Line};

/// Returns a list with an object for each line. What a line does not have is null. `rule` says what `budget` is about.
pub fn json(lines: &[Line]) -> Value {
    lines.iter().map(object).collect()
}

fn object(line: &Line) -> Value {
    let (budget, rule) = match line.budget {
        Budget::TimesAsFast(least) => (Some(least), "ratio_at_least"),
        Budget::AtMostTimes(most) => (Some(most), "ratio_at_most"),
        Budget::AtMost(most) => (Some(most), "ours_at_most"),
        Budget::AtLeast(least) => (Some(least), "ours_at_least"),
        Budget::None => (None, ""),
    };
    json!({
        "name": line.name,
        "ours": line.ours.median(),
        "instead": Some(line.instead).filter(|instead| !instead.is_empty()),
        "theirs": line.theirs.as_ref().map(Figures::median),
        "unit": line.unit.label(),
        "ratio": line.ratio(),
        "budget": budget,
        "rule": budget.map(|_| rule),
        "met": line.is_met(),
        "spread": {
            "ours": spread(&line.ours),
            "theirs": line.theirs.as_ref().map(spread),
        },
    })
}

fn spread(figures: &Figures) -> [f64; 2] {
    [figures.least(), figures.most()]
}

//! Results as tables in Markdown, so that they can be put into the README as they are.

use crate::figures::Figures;
use crate::line::{Budget, Line};

const HEAD: [&str; 8] = [
    "what", "ours", "instead", "theirs", "ratio", "budget", "met", "spread",
];

/// Returns a table of the lines.
pub fn table<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(lines.map(cells));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| rows.iter().map(move |row| row[column].chars().count()))
        .map(|widths| widths.max().unwrap_or(0))
        .collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let mut printed: Vec<String> = rows.iter().map(|row| print(row, &widths)).collect();
    printed.insert(1, format!("|{}|", rule.join("|")));
    printed.join("\n")
}

fn print(row: &[String], widths: &[usize]) -> String {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"));
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn cells(line: &Line) -> [String; 8] {
    let unit = line.unit.label();
    let spread = match &line.theirs {
        Some(theirs) => format!("{}; {}", spread(&line.ours), spread(theirs)),
        None => spread(&line.ours),
    };
    [
        line.name.clone(),
        with_unit(line.ours.median(), unit),
        line.instead.to_owned(),
        line.theirs
            .as_ref()
            .map_or_else(String::new, |theirs| with_unit(theirs.median(), unit)),
        line.ratio()
            .map_or_else(String::new, |ratio| format!("{} ×", figure(ratio))),
        budget(line.budget),
        match line.is_met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        }
        .to_owned(),
        spread,
    ]
}

fn budget(budget: Budget) -> String {
    match budget {
        Budget::TimesAsFast(least) => format!("≥ {least} ×"),
        Budget::AtMostTimes(most) => format!("≤ {most} ×"),
        Budget::AtMost(most) => format!("≤ {}", figure(most)),
        Budget::AtLeast(least) => format!("≥ {}", figure(least)),
        Budget::None => String::new(),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", figure(value)).trim_end().to_owned()
}

fn spread(figures: &Figures) -> String {
    let (least, most) = (figure(figures.least()), figure(figures.most()));
    if least == most {
        least
    } else {
        format!("{least}–{most}")
    }
}

/// Returns three digits that count, or all before the point, in groups of three.
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 10.0 && small.fract() != 0.0 => 2,
        small if small < 100.0 && small.fract() != 0.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figure_has_three_digits_that_count_and_groups_of_three() {
        let figures = [0.456, 9.0, 12.34, 123.4, 1234.5, 1_234_567.0].map(figure);
        assert_eq!(figures, ["0.46", "9", "12.3", "123", "1,234", "1,234,567"]);
    }
}

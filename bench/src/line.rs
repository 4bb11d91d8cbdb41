//! What is printed of a measurement.

/// How a ratio is to be read.
pub enum Budget {
    /// Theirs must take at least this many times as long as ours.
    TimesAsFast(f64),
    /// Ours may take at most this many times as long as theirs.
    AtMostTimes(f64),
    /// Ours may be at most this, and there is nothing to compare with.
    AtMost(f64),
    /// Ours must be at least this many, and there is nothing to compare with.
    AtLeast(f64),
}

/// A measurement.
pub struct Line {
    /// What was measured.
    pub name: &'static str,
    /// What a user would do instead.
    pub instead: &'static str,
    /// Our figure.
    pub ours: f64,
    /// Theirs, in the same unit.
    pub theirs: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// What was promised.
    pub budget: Budget,
}

impl Line {
    fn cells(&self) -> [String; 7] {
        let theirs = self.theirs.unwrap_or(self.ours);
        let (ratio, budget, met) = match self.budget {
            Budget::TimesAsFast(least) => {
                let ratio = theirs / self.ours;
                (
                    format!("{ratio:.1} × as fast"),
                    format!("≥ {least} ×"),
                    ratio >= least,
                )
            }
            Budget::AtMostTimes(most) => {
                let ratio = self.ours / theirs;
                (
                    format!("{ratio:.2} × the time"),
                    format!("≤ {most} ×"),
                    ratio <= most,
                )
            }
            Budget::AtMost(most) => (String::new(), format!("≤ {most}"), self.ours <= most),
            Budget::AtLeast(least) => (String::new(), format!("≥ {least}"), self.ours >= least),
        };
        [
            self.name.to_owned(),
            figure(self.ours, self.unit),
            self.instead.to_owned(),
            self.theirs
                .map_or(String::new(), |theirs| figure(theirs, self.unit)),
            ratio,
            budget,
            if met { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

fn figure(value: f64, unit: &str) -> String {
    let digits = if value < 100.0 { 1 } else { 0 };
    format!("{value:.digits$} {unit}")
}

/// Returns the lines as a table in Markdown, so that it can be put into the README as it is.
pub fn table(lines: &[Line]) -> String {
    let head = [
        "what", "ours", "instead", "theirs", "ratio", "budget", "met",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head)
        .chain(lines.iter().map(Line::cells))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    let print = |row: &[String; 7]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = format!(
        "|{}|",
        widths
            .iter()
            .map(|width| "-".repeat(width + 2))
            .collect::<Vec<_>>()
            .join("|")
    );
    let mut printed: Vec<String> = rows.iter().map(print).collect();
    printed.insert(1, rule);
    printed.join("\n")
}

/// Returns the middle one of some measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

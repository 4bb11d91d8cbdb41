//! Measures as bars.

use super::amount::{amount, rate, time};
use super::follow::Progress;
use super::line::{Line, Look, width};

/// A longer bar shows no more.
const LONGEST: usize = 40;

/// A shorter bar gives way to words.
const SHORTEST: usize = 10;

/// ` 100 %`.
const PERCENT: usize = 6;

/// Bars below each other, which have one length.
pub(crate) struct Bars {
    room: usize,
    length: usize,
}

impl Bars {
    /// Plans bars for these measures in lines with room for so many columns.
    pub(crate) fn of<'a>(
        measures: impl IntoIterator<Item = &'a Progress<'a>>,
        room: usize,
    ) -> Self {
        let lengths = measures.into_iter().map(|progress| {
            let words = fitting(progress, room);
            let taken = if words.is_empty() {
                0
            } else {
                2 + width(&words)
            };
            room.saturating_sub(PERCENT + taken).min(LONGEST)
        });
        let length = lengths.min().unwrap_or(0);
        Self { room, length }
    }

    /// Adds a bar, the percentage, and as many words as there is room for.
    pub(crate) fn draw(&self, line: &mut Line, progress: &Progress<'_>) {
        // In halves, of which the last is drawn with a character of its own.
        let halves = (progress.fraction * 2.0 * self.length as f64) as usize;
        let (full, half) = (halves / 2, halves % 2);
        let end = if half == 1 { "╸" } else { "" };
        line.push(Look::Done, &("━".repeat(full) + end));
        line.push(Look::Dim, &"─".repeat(self.length - full - half));
        line.push(
            Look::Plain,
            &format!(" {:>3} %", percent(progress.fraction)),
        );
        let words = fitting(progress, self.room);
        if !words.is_empty() {
            line.space(2);
            line.push(Look::Plain, &words);
        }
    }
}

/// Chooses the most words that leave room for a bar.
fn fitting(progress: &Progress<'_>, room: usize) -> String {
    let fits = |words: &String| SHORTEST + PERCENT + 2 + width(words) <= room;
    words(progress).into_iter().find(fits).unwrap_or_default()
}

/// Returns the percentage, rounded down, which is 100 only when all is done.
pub(crate) fn percent(fraction: f64) -> u64 {
    // 29 of 50 is 57.99999999999999 %.
    let percent = (fraction * 100.0 + 1e-9) as u64;
    if fraction < 1.0 {
        percent.min(99)
    } else {
        percent
    }
}

/// Says how far it is, from the most words to the fewest.
fn words(progress: &Progress<'_>) -> Vec<String> {
    let left = progress.left.map(|left| format!("{} left", time(left)));
    let Some(total) = progress.total else {
        return Vec::from_iter(left);
    };
    let (done, total) = (amount(progress.done), amount(total));
    let counted = format!("{done} of {total}");
    let speed = progress.rate.map(rate);
    let mut all = Vec::new();
    if let (Some(speed), Some(left)) = (&speed, &left) {
        all.push(format!("{counted}  {speed}  {left}"));
        all.push(format!("{done}/{total}  {speed}  {left}"));
        all.push(format!("{done}/{total}  {left}"));
    }
    all.push(counted);
    all.push(format!("{done}/{total}"));
    all
}

/// Says how far it is in one line without a bar.
pub(crate) fn sentence(progress: &Progress<'_>) -> String {
    let percent = format!("{} {} %", progress.label, percent(progress.fraction));
    match words(progress).into_iter().next() {
        Some(words) => format!("{percent}  {words}"),
        None => percent,
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percentage_is_rounded_down() {
        assert_eq!(
            [0.0, 29.0 / 50.0, 0.999, 1.0 - 1e-12, 1.0].map(percent),
            [0, 58, 99, 99, 100]
        );
    }
}

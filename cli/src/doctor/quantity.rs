//! Spans of time and sizes as people read them.

/// Returns a span of time in its largest unit, rounded down.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let units = [
        (86_400.0, "day"),
        (3600.0, "hour"),
        (60.0, "minute"),
        (1.0, "second"),
    ];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1.0, "second"));
    let count = (seconds / size).floor();
    let plural = if count == 1.0 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Returns a size in a unit that leaves few digits.
pub(crate) fn size(bytes: i64) -> String {
    match bytes {
        ..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// Returns a number with its noun, which takes an s unless there is one.
pub(crate) fn count(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!(
        "{} {noun}{plural}",
        indicatif::HumanCount(number.unsigned_abs())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_is_told_in_its_largest_unit() {
        let spans = [-1.0, 0.4, 1.0, 59.9, 60.0, 7300.0, 200_000.0].map(span);
        let expected = [
            "0 seconds",
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "2 hours",
            "2 days",
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn size_keeps_two_digits_at_least() {
        let sizes = [0, 9999, 10_000, 262_144, 12_345_678, 98_765_432_100].map(size);
        let expected = ["0 bytes", "9999 bytes", "10 kB", "262 kB", "12 MB", "98 GB"];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn noun_of_a_count_is_plural_unless_it_is_one() {
        assert_eq!(count(1, "list"), "1 list");
        assert_eq!(count(12_000, "list"), "12,000 lists");
    }
}

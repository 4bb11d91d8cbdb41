//! Numbers and times as people read them.

use std::time::Duration;

use indicatif::HumanCount;

/// From here on a number is written with an exponent; an `f64` has no exact integers there.
const LARGE: f64 = 1e15;

/// Writes a number with commas between thousands, and with one decimal if it is small and no integer.
pub(crate) fn amount(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    let size = number.abs();
    if size >= LARGE {
        return format!("{number:.2e}");
    }
    if size < 100.0 && size.fract() != 0.0 {
        return format!("{number:.1}");
    }
    format!("{sign}{}", HumanCount(size.round() as u64))
}

/// Writes how fast a number grows.
pub(crate) fn rate(a_second: f64) -> String {
    match a_second {
        r if r >= 10.0 => format!("{}/s", amount(r.round())),
        r if r >= 1.0 => format!("{r:.1}/s"),
        r => format!("{}/min", amount((r * 60.0).max(1.0).round())),
    }
}

/// Writes a time with its two largest units, as `1 h 5 min`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => two(minutes, "min", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        (_, _, _) => two(days, "d", hours % 24, "h"),
    }
}

fn two(first: u64, unit: &str, second: u64, smaller: &str) -> String {
    match second {
        0 => format!("{first} {unit}"),
        _ => format!("{first} {unit} {second} {smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_few_decimals() {
        let written = [0.0, 7.0, 0.25, 99.96, 1_234.5, 3_376.0, -1_000_000.0, 1e300].map(amount);
        assert_eq!(
            written,
            [
                "0",
                "7",
                "0.2",
                "100.0",
                "1,235",
                "3,376",
                "-1,000,000",
                "1.00e300"
            ]
        );
    }

    #[test]
    fn slow_rates_are_told_by_the_minute() {
        assert_eq!(
            [1_013.4, 12.0, 2.34, 0.5, 0.000_1].map(rate),
            ["1,013/s", "12/s", "2.3/s", "30/min", "1/min"]
        );
    }

    #[test]
    fn times_have_their_two_largest_units() {
        let written = [0, 59, 60, 61, 3_600, 3_900, 90_061].map(|s| time(Duration::from_secs(s)));
        assert_eq!(
            written,
            [
                "0 s",
                "59 s",
                "1 min",
                "1 min 1 s",
                "1 h",
                "1 h 5 min",
                "1 d 1 h"
            ]
        );
    }
}

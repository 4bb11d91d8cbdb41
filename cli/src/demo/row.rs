//! Whether a row is as it should be.

use csv::ByteRecord;

use crate::printable::{printable, shortened};

/// More reasons than this are only counted: a row of a thousand empty fields is one line of the log.
const MOST_REASONS: usize = 3;

/// Longest name of a column or text of a value in a message.
const LONGEST_QUOTE: usize = 30;

/// The columns of a file, and what is expected in them.
pub(crate) struct Columns(Vec<Column>);

struct Column {
    name: String,
    /// The largest absolute value, for what looks like a coordinate.
    limit: Option<f64>,
}

impl Columns {
    /// Takes the names in the header.
    pub(crate) fn new(header: &[String]) -> Self {
        let column = |(index, name): (usize, &String)| Column {
            name: match name.as_str() {
                "" => format!("column {}", index + 1),
                name => shortened(&printable(name), LONGEST_QUOTE),
            },
            limit: coordinate_limit(name),
        };
        Self(header.iter().enumerate().map(column).collect())
    }

    /// Returns what is wrong with a row, `None` if nothing is.
    pub(crate) fn problem(&self, row: &ByteRecord) -> Option<String> {
        if row.len() != self.0.len() {
            return Some(format!("{} instead of {} columns", row.len(), self.0.len()));
        }
        let mut reasons = self
            .0
            .iter()
            .zip(row)
            .filter_map(|(column, field)| column.problem(field));
        let mut text = reasons.next()?;
        for reason in reasons.by_ref().take(MOST_REASONS - 1) {
            text += ", ";
            text += &reason;
        }
        match reasons.count() {
            0 => {}
            more => text += &format!(" and {more} more"),
        }
        Some(text)
    }
}

impl Column {
    fn problem(&self, field: &[u8]) -> Option<String> {
        let name = &self.name;
        let Ok(text) = std::str::from_utf8(field) else {
            return Some(format!("{name} is not UTF-8"));
        };
        match text.trim() {
            "" => Some(format!("{name} is missing")),
            "NA" => Some(format!("{name} is NA")),
            text => {
                let limit = self.limit?;
                let shown = || shortened(&printable(text), LONGEST_QUOTE);
                match text.parse::<f64>() {
                    Ok(number) if number.abs() <= limit => None,
                    Ok(number) if number.is_finite() => {
                        Some(format!("{name} {} is out of range", shown()))
                    }
                    _ => Some(format!("{name} \"{}\" is not a number", shown())),
                }
            }
        }
    }
}

/// Recognises a coordinate by the name of its column, and returns how far from zero it may be.
fn coordinate_limit(name: &str) -> Option<f64> {
    let name = name.trim().to_lowercase();
    let last_word = name
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    match last_word {
        "latitude" | "lat" => Some(90.0),
        "longitude" | "lon" | "lng" | "long" => Some(180.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(header: &[&str], row: &[&[u8]]) -> Option<String> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        Columns::new(&header).problem(&ByteRecord::from(row.to_vec()))
    }

    fn problem_at(latitude: &str, longitude: &str) -> Option<String> {
        problem(
            &["latitude", "longitude"],
            &[latitude.as_bytes(), longitude.as_bytes()],
        )
    }

    #[test]
    fn clean_row_has_no_problem() {
        assert_eq!(problem(&["a", "b"], &[b"1", b"x"]), None);
        assert_eq!(problem_at("-89.9", "180"), None);
    }

    #[test]
    fn missing_and_na_are_named() {
        assert_eq!(
            problem(&["a", "b"], &[b" ", b"NA"]).unwrap(),
            "a is missing, b is NA"
        );
        assert_eq!(
            problem(&["", "b"], &[b"", b"x"]).unwrap(),
            "column 1 is missing"
        );
    }

    #[test]
    fn wrong_number_of_columns_is_the_only_problem() {
        assert_eq!(
            problem(&["a", "b"], &[b""]).unwrap(),
            "1 instead of 2 columns"
        );
        assert_eq!(
            problem(&["a"], &[b"NA", b"2"]).unwrap(),
            "2 instead of 1 columns"
        );
    }

    #[test]
    fn coordinates_must_be_numbers_in_range() {
        assert_eq!(
            problem_at("90.1", "1").unwrap(),
            "latitude 90.1 is out of range"
        );
        assert_eq!(
            problem_at("1", "-180.5").unwrap(),
            "longitude -180.5 is out of range"
        );
        assert_eq!(
            problem_at("north", "1").unwrap(),
            "latitude \"north\" is not a number"
        );
        assert_eq!(
            problem_at("NaN", "inf").unwrap(),
            "latitude \"NaN\" is not a number, longitude \"inf\" is not a number"
        );
    }

    #[test]
    fn coordinates_are_known_by_the_last_word_of_their_name() {
        assert_eq!(coordinate_limit("Start LAT"), Some(90.0));
        assert_eq!(coordinate_limit("station_longitude"), Some(180.0));
        assert_eq!(coordinate_limit("plateau"), None);
        assert_eq!(coordinate_limit("latitude_text"), None);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_a_problem() {
        assert_eq!(
            problem(&["name"], &[b"caf\xe9"]).unwrap(),
            "name is not UTF-8"
        );
    }

    #[test]
    fn many_reasons_are_counted() {
        let empty: [&[u8]; 6] = [b""; 6];
        assert_eq!(
            problem(&["a", "b", "c", "d", "e", "f"], &empty).unwrap(),
            "a is missing, b is missing, c is missing and 3 more"
        );
    }

    #[test]
    fn values_cannot_reach_the_terminal_as_they_are() {
        let text = problem_at("\u{1b}[31m", "1").unwrap();
        assert_eq!(text, "latitude \"\\u001b[31m\" is not a number");
    }
}

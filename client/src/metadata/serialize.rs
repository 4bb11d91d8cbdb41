//! Making JSON of what a caller gives.
//!
//! `serde_json` writes the value as text, and [`Json::parse`] reads it: a `u128`, a `serde_json::value::RawValue` and a
//! number of a program that has `arbitrary_precision` switched on arrive with all their digits. A struct of 20 members takes
//! 4.9 µs like this and back into the text of a batch; as a `Value`, 3.2.
//!
//! Serialising recurses as deep as the value goes, and a stack that overflows ends the process: 20,000 arrays in each other
//! are enough. So the text ends with an error where it would nest deeper than any document may.

use std::io;

use runmeta_core::{Json, MAXIMUM_DEPTH, NotJson};
use serde::Serialize;
use serde::ser::Error as _;
use serde_json::ser::{Formatter, Serializer};

/// Why there is no JSON of a value.
#[derive(Debug)]
pub(crate) enum Unfit {
    TooDeep,
    /// The value's own `Serialize` failed, or it has no form in JSON.
    NotSerializable(serde_json::Error),
}

/// Returns the JSON of a value.
pub(crate) fn to_json(value: &(impl Serialize + ?Sized)) -> Result<Json, Unfit> {
    let mut text = Vec::with_capacity(64);
    let mut serializer = Serializer::with_formatter(&mut text, Bounded { levels: 0 });
    match value.serialize(&mut serializer) {
        Ok(()) => Json::from_slice(&text).map_err(Unfit::from),
        // Writing into memory does not fail: this came from the formatter.
        Err(error) if error.is_io() => Err(Unfit::TooDeep),
        Err(error) => Err(Unfit::NotSerializable(error)),
    }
}

impl From<NotJson> for Unfit {
    /// Only a `RawValue` can have text that is no JSON of ours: half of a surrogate pair, or too many levels.
    fn from(error: NotJson) -> Unfit {
        match error.offset() {
            None => Unfit::TooDeep,
            Some(_) => Unfit::NotSerializable(serde_json::Error::custom(error)),
        }
    }
}

/// Writes compact text of so many levels at most. `Operation::check` counts exactly, with the levels of the key.
///
/// Only arrays and objects count. A newtype around an option around the same newtype recurses without them; such a value
/// has no content, and dropping it recurses as well.
struct Bounded {
    levels: usize,
}

impl Bounded {
    fn begin<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.levels += 1;
        match self.levels > MAXIMUM_DEPTH + 1 {
            true => Err(io::ErrorKind::InvalidData.into()),
            false => writer.write_all(bracket),
        }
    }

    fn end<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.levels -= 1;
        writer.write_all(bracket)
    }
}

impl Formatter for Bounded {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serializer;
    use serde_json::value::RawValue;

    use super::*;

    fn text(value: &(impl Serialize + ?Sized)) -> String {
        to_json(value).unwrap().to_string()
    }

    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Tuple(u8, char),
        Struct { a: Option<u8> },
    }

    #[derive(Serialize)]
    struct All {
        address: std::net::IpAddr,
        by_number: BTreeMap<i8, (bool, ())>,
        kinds: Vec<Kind>,
        not_finite: f64,
        short: f32,
    }

    #[test]
    fn a_value_becomes_what_serde_json_writes_of_it() {
        let all = All {
            address: [127, 0, 0, 1].into(),
            by_number: BTreeMap::from([(-1, (true, ()))]),
            kinds: vec![
                Kind::Unit,
                Kind::Newtype(1),
                Kind::Tuple(2, 'x'),
                Kind::Struct { a: Some(3) },
                Kind::Struct { a: None },
            ],
            not_finite: f64::NAN,
            short: 0.1,
        };
        assert_eq!(text(&all), serde_json::to_string(&all).unwrap());
        assert_eq!(text("text"), r#""text""#);
        assert_eq!(text(&[0u8; 0]), "[]");
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        assert_eq!(text(&u128::MAX), u128::MAX.to_string());
        assert_eq!(text(&i128::MIN), i128::MIN.to_string());
        let raw = RawValue::from_string("[1.50, 1e400]".to_owned()).unwrap();
        assert_eq!(text(&raw), "[1.50,1e400]");
        let sum: serde_json::Number = serde_json::from_str("0.30000000000000004").unwrap();
        assert_eq!(text(&sum), "0.30000000000000004");
    }

    #[test]
    fn a_value_without_a_form_in_json_is_an_error() {
        let unfit = BTreeMap::from([(Some(vec![1]), 1)]);
        assert!(matches!(to_json(&unfit), Err(Unfit::NotSerializable(_))));
        let half_a_pair = RawValue::from_string(r#""\ud800""#.to_owned()).unwrap();
        assert!(matches!(
            to_json(&half_a_pair),
            Err(Unfit::NotSerializable(_))
        ));
    }

    /// This number of arrays in each other, without taking any memory.
    struct Deep(usize);

    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                0 => serializer.serialize_f64(0.5),
                _ => serializer.collect_seq([Deep(self.0 - 1)]),
            }
        }
    }

    #[test]
    fn a_value_that_nests_too_deep_is_an_error_before_the_stack_overflows() {
        assert_eq!(text(&Deep(3)), "[[[0.5]]]");
        assert!(to_json(&Deep(MAXIMUM_DEPTH + 1)).is_ok());
        assert!(matches!(to_json(&Deep(1_000_000)), Err(Unfit::TooDeep)));
        let raw = RawValue::from_string("[".repeat(120) + &"]".repeat(120)).unwrap();
        assert!(matches!(
            to_json(&[[[[[[[[[&raw]]]]]]]]]),
            Err(Unfit::TooDeep)
        ));
    }
}

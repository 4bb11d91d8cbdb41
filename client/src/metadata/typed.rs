//! Reading a JSON text into the caller's type.

use runmeta_core::Json;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::buffer::decimal::Decimal;
use crate::buffer::document::end_of_string;

/// Reads a text into a `T`. JSON does not distinguish 1 from 1.0 or 1e0, and other writers send any of them: where the text as it
/// is does not fit, whole numbers are read as integers.
///
/// # Errors
///
/// The path of the first value that does not fit.
pub(crate) fn typed<T: DeserializeOwned>(
    text: &str,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    // Noting the path takes time, so that is only for those that do not fit.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let integers = with_integers(text);
    let text = integers.as_deref().unwrap_or(text);
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
}

/// Returns the text with all whole numbers written as integers, or `None` if they are.
fn with_integers(text: &str) -> Option<String> {
    let mut written = String::new();
    let (mut copied, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'"' => at = end_of_string(bytes, at)?,
            b'-' | b'0'..=b'9' => {
                let ends =
                    |byte: &u8| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let length = bytes[at..].iter().position(ends);
                at = length.map_or(bytes.len(), |length| at + length);
                let number = &text[start..at];
                let is_integer = !number.contains(['.', 'e', 'E']);
                let whole = || Decimal::parse(number)?.as_whole();
                if let (false, Some(whole)) = (is_integer, whole()) {
                    written.push_str(&text[copied..start]);
                    written.push_str(&whole.to_string());
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    written.push_str(&text[copied..]);
    (copied > 0).then_some(written)
}

/// Returns JSON as `serde_json` has it. A number beyond a float, which has no place there, is its text.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Array(elements) => elements.iter().map(value).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, member)| (name.to_owned(), value(member)))
            .collect(),
        scalar => Value::try_from(scalar).unwrap_or_else(|_| scalar.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
        typed(text).ok()
    }

    #[test]
    fn whole_numbers_are_integers_however_they_are_written() {
        assert_eq!(read("1.0"), Some(1u64));
        assert_eq!(read("1e3"), Some(1000u16));
        assert_eq!(read("-2.50E+1"), Some(-25i8));
        assert_eq!(read("0.00"), Some(0i32));
        assert_eq!(read("18446744073709551615.0"), Some(u64::MAX));
        assert_eq!(read("1e30"), Some(10u128.pow(30)));
        assert_eq!(read::<u64>("1.5"), None);
        assert_eq!(read::<u64>("-1.0"), None);
        assert_eq!(read::<u8>("1e3"), None);
        assert_eq!(read::<u64>("1e400"), None);
        assert_eq!(read::<u64>("\"1.0\""), None);
    }

    #[test]
    fn whole_numbers_are_integers_inside_of_other_values() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Import {
            rows: Vec<u32>,
            share: f64,
            name: String,
            by_kind: BTreeMap<String, i64>,
        }
        let text = r#"{"rows": [1.0, 2, 3e0], "share": 0.50, "name": "1.0 \" 2.0", "by_kind": {"3.0": -4.0}}"#;
        let import = Import {
            rows: vec![1, 2, 3],
            share: 0.5,
            name: "1.0 \" 2.0".to_owned(),
            by_kind: BTreeMap::from([("3.0".to_owned(), -4)]),
        };
        assert_eq!(read(text), Some(import));
    }

    #[test]
    fn a_text_that_fits_is_read_as_it_is() {
        assert_eq!(read("1.0"), Some(1.0f64));
        // As an integer it would lose its sign.
        assert!(read::<f64>("-0.0").unwrap().is_sign_negative());
    }

    #[test]
    fn what_does_not_fit_has_a_path() {
        let path = |text| {
            typed::<BTreeMap<String, Vec<u8>>>(text)
                .unwrap_err()
                .path()
                .to_string()
        };
        assert_eq!(path(r#"{"a": [1.0, 2], "b": [3, 4.5]}"#), "b[1]");
        assert_eq!(path(r#"{"a": [1, 2], "b": [3, "x"]}"#), "b[1]");
    }
}

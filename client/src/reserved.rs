//! Names that `serde_json` keeps for itself.
//!
//! With `arbitrary_precision`, which this crate turns on, an object whose first key is `$serde_json::private::Number` is read
//! as a number; with `raw_value`, which another crate may turn on, `$serde_json::private::RawValue` is read as JSON text. The
//! server has no such names. So documents that have them are not read, lest they look like something else here, and nothing
//! is sent that would make one.

use runmeta_core::Key;
use serde_json::Value;

const PREFIX: &str = "$serde_json::private::";

/// Why a key or value is refused.
pub(crate) const WHY: &str = "a key begins with \"$serde_json::private::\"";

/// Returns true if an object in this value has such a key.
pub(crate) fn in_value(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.starts_with(PREFIX) || in_value(value)),
        Value::Array(elements) => elements.iter().any(in_value),
        _ => false,
    }
}

/// Returns true if a document would get such a key by an operation at this one.
pub(crate) fn in_key(key: &Key) -> bool {
    key.steps().any(|step| step.name.starts_with(PREFIX))
}

/// Returns true if `serde_json` would take an object in this text of a JSONB value for something else.
pub(crate) fn in_text(text: &str) -> bool {
    // A quote that follows a brace opens a key: in a text, it would be escaped.
    text.match_indices("{\"")
        .any(|(at, brace)| text[at + brace.len()..].starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAME: &str = "$serde_json::private::Number";

    #[test]
    fn reserved_names_are_found_as_keys_and_only_there() {
        assert!(in_value(&json!([{"a": {NAME: "5"}}])));
        assert!(!in_value(&json!({"a": NAME, "Number": [NAME]})));
        for (key, reserved) in [
            (NAME.to_owned(), true),
            (format!("$.a.{NAME}"), true),
            (format!("a{NAME}"), false),
        ] {
            assert_eq!(in_key(&Key::parse(&key).unwrap()), reserved, "{key}");
        }
    }

    /// The text is what `serde_json` reads as something else, or cannot read.
    #[test]
    fn reserved_names_are_found_in_texts_where_they_matter() {
        for (text, reserved) in [
            (format!(r#"{{"a": {{"{NAME}": "5"}}}}"#), true),
            (format!(r#"{{"a": [{{"{NAME}": 5, "b": 1}}]}}"#), true),
            (format!(r#"{{"!": 1, "{NAME}": "5"}}"#), false),
            (format!(r#"{{"a": "{{\"{NAME}\": 5}}"}}"#), false),
            (format!(r#"{{"a": "{NAME}"}}"#), false),
        ] {
            let read = serde_json::from_str(&text).map(|value: Value| value.to_string());
            let same = read.is_ok_and(|read| read == text.replace(": ", ":").replace(", ", ","));
            assert_eq!(in_text(&text), reserved, "{text}");
            if !text.contains('\\') {
                assert_eq!(same, !reserved, "{text}");
            }
        }
    }
}

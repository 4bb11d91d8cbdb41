//! How many bytes texts and containers have as compact JSON, without writing them.

/// Adds two brackets and the commas between the parts.
pub(crate) fn brackets(parts: impl ExactSizeIterator<Item = usize>) -> usize {
    let commas = parts.len().saturating_sub(1);
    parts.sum::<usize>() + commas + 2
}

/// Returns the bytes of a text as JSON: quoted, and escaped as `JSON.stringify` does.
pub(crate) fn string_size(text: &str) -> usize {
    2 + text.len() + escapes(text)
}

/// Returns how many bytes a text grows by when it is escaped.
pub(crate) fn escapes(text: &str) -> usize {
    // Most texts have nothing to escape, which is seen sixteen bytes at a time.
    let plain = |bytes: &[u8]| {
        bytes.iter().fold(true, |plain, byte| {
            plain & (*byte >= 0x20) & (*byte != b'"') & (*byte != b'\\')
        })
    };
    let parts = text.as_bytes().chunks(64).filter(|part| !plain(part));
    parts.flatten().map(|byte| escape_growth(*byte)).sum()
}

/// Returns how many bytes a byte of a text grows by when it is escaped.
pub fn escape_growth(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0x00..=0x1f => 5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Json;

    #[test]
    fn size_is_that_of_the_compact_text() {
        for value in [
            json!({}),
            json!([]),
            json!({"a": [1, true, false, null, "x"], "ключ": "\u{1F642}"}),
            json!("\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}/"),
            json!([[], {}, [[-12.50]]]),
            json!("plain".repeat(30) + "\n\u{1}" + &"plain".repeat(30) + "\u{1f}"),
        ] {
            assert_eq!(
                Json::from(&value).size(),
                value.to_string().len(),
                "{value}"
            );
        }
    }

    #[test]
    fn exponents_count_as_the_digits_they_stand_for() {
        let bombs = Json::parse("[1e131071,1e3,1e-3]").unwrap();
        assert_eq!(bombs.size(), 131_072 + 4 + 5 + 4);
    }
}

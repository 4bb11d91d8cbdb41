//! What a document is, and its size.

use super::{NONE, check, json};

#[test]
fn size_is_the_bytes_of_the_compact_text() {
    for (text, bytes) in [
        ("{}", 2),
        (r#"{"a":1}"#, 7),
        (r#" { "a" : [ 1 , 2 ] } "#, 11),
        (r#"{"a":null,"b":true,"c":false}"#, 29),
        (r#"{"é":"é"}"#, 11),
        (r#"{"a":"🙂"}"#, 12),
        // Escapes are short where JSON has a short one, and six bytes elsewhere below a blank.
        (r#"{"a":"\"\\\n\r\t\b\f"}"#, 22),
        (r#"{"a":"\u0001\u001f"}"#, 20),
        (r#"{"a":"\"\""}"#, 12),
        (r#"{"a":"\\"}"#, 10),
        (r#"{"a":"\u0020\u007f\/"}"#, 11),
        // As Postgres writes numbers: without an exponent.
        (r#"{"a":1e3}"#, 10),
        (r#"{"a":-1.50}"#, 11),
        (r#"{"a":1e-3}"#, 11),
        (r#"{"a":1e100000}"#, 100_007),
    ] {
        assert_eq!(json(text).size(), bytes, "{text}");
    }
}

#[test]
fn a_text_with_the_character_zero_is_refused() {
    let refused: &[(usize, &str)] = &[(0, "bad_value")];
    for value in [
        r#""\u0000""#,
        r#"["a\u0000"]"#,
        r#"{"a\u0000":1}"#,
        r#"{"a":[{"b":"\u0000"}]}"#,
    ] {
        for list in [
            format!(r#"[{{"type":"set","key":"a","value":{value}}}]"#),
            format!(r#"[{{"type":"append","key":"a","value":{value}}}]"#),
            format!(r#"[{{"type":"merge","key":"a","value":{value}}}]"#),
            format!(r#"[{{"type":"update","value":{{"a":{value}}}}}]"#),
        ] {
            check(&[("{}", &list, "{}", refused)]);
        }
    }
    check(&[(
        "{}",
        r#"[{"type":"set","key":"a","value":"\u0001"}]"#,
        r#"{"a":"\u0001"}"#,
        NONE,
    )]);
}

//! Keys that are no paths.

use super::{NONE, check};

#[test]
fn a_key_that_does_not_begin_with_dollar_dot_is_a_top_level_name() {
    for key in [
        "a", "", "a.b", "a[0]", "0", "-1", "$", "$a", "$a.b", "$[0]", "*", "..", "a.*", " $.a",
        "ключ", "🙂",
    ] {
        let list = format!(r#"[{{"type":"set","key":"{key}","value":1}}]"#);
        let expected = format!(r#"{{"{key}":1}}"#);
        check(&[("{}", &list, &expected, NONE)]);
        let list = format!(r#"[{{"type":"delete","key":"{key}"}}]"#);
        check(&[(&expected, &list, "{}", NONE)]);
    }
}

#[test]
fn every_operation_but_update_needs_a_key_that_is_a_text() {
    let refused: &[(usize, &str)] = &[(0, "bad_path")];
    for name in ["set", "delete", "append", "remove", "increment"] {
        let value = if name == "delete" {
            ""
        } else {
            r#","value":1"#
        };
        check(&[(
            "{}",
            &format!(r#"[{{"type":"{name}"{value}}}]"#),
            "{}",
            refused,
        )]);
        for key in ["null", "1", "true", "[\"a\"]", "{}"] {
            let list = format!(r#"[{{"type":"{name}","key":{key}{value}}}]"#);
            check(&[("{}", &list, "{}", refused)]);
        }
    }
    check(&[(
        "{}",
        r#"[{"type":"merge","key":null,"value":{"a":1}}]"#,
        "{}",
        refused,
    )]);
}

#[test]
fn a_key_holds_no_character_that_jsonb_cannot() {
    let refused: &[(usize, &str)] = &[(0, "bad_path")];
    for key in [r"\u0000", r"a\u0000b", r"$.a\u0000", r#"$.a[\"\\u0000\"]"#] {
        let list = format!(r#"[{{"type":"set","key":"{key}","value":1}}]"#);
        check(&[("{}", &list, "{}", refused)]);
    }
}

//! The tree of JSON: what it reads and writes, and how much it holds.

use proptest::prelude::*;
use runmeta_core::{Json, Kind, Number, Tree};
use serde_json::{Value, json};

use crate::config::config;
use crate::generate::{document, value};

fn parse(text: &str) -> Json {
    Json::parse(text).unwrap()
}

#[test]
fn numbers_stay_as_they_are_written() {
    for text in [
        "0",
        "-0",
        "1.50",
        "1e400",
        "-2.5E-400",
        "1E+5",
        "9007199254740993",
        "3.14159265358979323846264338327950288419716939937510",
    ] {
        assert_eq!(parse(text).to_string(), text);
        assert_eq!(
            Number::parse(text).map(Json::Number),
            Some(parse(text)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "truex",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":[}]",
        "1 2",
        "[1]x",
        "/**/1",
        "\u{feff}1",
        "\u{a0}1",
        "1\0",
    ] {
        assert!(Json::parse(text).is_err(), "{text:?}");
        assert!(Number::parse(text).is_none(), "{text:?}");
    }
    assert!(Json::from_slice(b"\"\xff\"").is_err());
    let bad = Json::parse("[1, secret]").unwrap_err();
    assert_eq!(bad.offset(), Some(4));
    assert_eq!(bad.to_string(), "the text is not JSON at byte 4");
}

#[test]
fn a_text_nests_127_levels_as_in_serde_json_and_one_more_is_refused_however_many_follow() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels: usize| {
            let text = open.repeat(levels) + "1" + &close.repeat(levels);
            let read = Json::parse(&text);
            let theirs = serde_json::from_str::<Value>(&text);
            assert_eq!(read.is_ok(), theirs.is_ok(), "{levels}");
            read.map(|json| json.to_string() == text)
        };
        assert_eq!(nested(127), Ok(true));
        for levels in [128, 14_000, 1_000_000] {
            let bad = nested(levels).unwrap_err();
            assert_eq!(bad.offset(), None);
            assert_eq!(bad.to_string(), "the JSON text nests more than 127 levels");
        }
    }
}

#[test]
fn of_members_with_one_name_the_last_counts() {
    let text = r#"{"b":1,"a":{"x":1,"x":2},"b":2,"\u0062":3,"a":4}"#;
    assert_eq!(parse(text).to_string(), r#"{"a":4,"b":3}"#);
}

#[test]
fn members_stand_in_the_order_of_their_names() {
    let mut object = parse("{}");
    let members = object.as_object_mut().unwrap();
    for name in ["b", "", "ключ", "a", "aa", "B"] {
        assert_eq!(members.insert(name, Json::from(name)), None);
    }
    assert_eq!(members.insert("a", Json::from(1)), Some(Json::from("a")));
    let names: Vec<_> = members.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["", "B", "a", "aa", "b", "ключ"]);
    assert_eq!(members.remove("aa"), Some(Json::from("aa")));
    assert_eq!(members.remove("aa"), None);
    assert_eq!(members.get("aa"), None);
    assert_eq!(members.get("b"), Some(&Json::from("b")));
}

#[test]
fn texts_are_escaped_as_serde_json_does() {
    let all: String = ('\0'..'\u{ff}').chain(['\u{2028}', '🙂']).collect();
    let value = json!({ &all: [&all, "plain", ""] });
    assert_eq!(Json::from(&value).to_string(), value.to_string());
}

#[test]
fn floats_become_what_serde_json_writes() {
    for float in [0.1, -0.0, 1.0, 1e300, 5e-324, 1.0 / 3.0] {
        let number = Number::from_f64(float).unwrap();
        assert_eq!(number.as_str(), json!(float).to_string());
        assert_eq!(number.as_f64(), Some(float));
    }
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(parse("1e400").as_number().unwrap().as_f64(), None);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_written_is_read_the_same(value in document()) {
        let text = value.to_string();
        let read = parse(&text);
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(read, value);
    }

    #[test]
    fn values_of_serde_json_become_what_it_writes(value in document()) {
        // Numbers are what it makes of them.
        if let Ok(value) = Value::try_from(&value) {
            prop_assert_eq!(Json::from(&value).to_string(), value.to_string());
        }
    }

    #[test]
    fn validity_agrees_with_serde_json_on_mutated_text(
        value in value(),
        spaces in any::<bool>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), edit()), 0..4),
    ) {
        let mut text = match spaces {
            true => value.to_string().replace(',', " ,\r\n\t"),
            false => value.to_string(),
        };
        for (at, edit) in edits {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match edit {
                Some(insert) => text.insert_str(at, &insert),
                None if at < text.len() => drop(text.remove(at)),
                None => {}
            }
        }
        // It refuses numbers that no float holds, also those that a later member of the same name replaces.
        match (Json::parse(&text), serde_json::from_str::<Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(Value::try_from(&ours).unwrap(), theirs),
            (Ok(_), Err(refused)) => {
                prop_assert!(refused.to_string().starts_with("number out of range"), "{}: {}", text, refused);
            }
            (Err(_), theirs) => prop_assert!(theirs.is_err(), "{}", text),
        }
    }
}

/// A text to insert, or `None` to remove a character.
fn edit() -> impl Strategy<Value = Option<String>> {
    const PIECES: [&str; 29] = [
        "0",
        "1",
        "-",
        "+",
        ".",
        "e",
        "E9",
        "\"",
        "\\",
        "\\u",
        "d800",
        "\\ud83d\\ude42",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "\u{feff}",
        "\0",
        "null",
        "true",
        "NaN",
        "\"a\":",
        "é",
    ];
    prop_oneof![
        1 => Just(None),
        4 => proptest::sample::select(PIECES.as_slice()).prop_map(|piece| Some(piece.to_owned())),
    ]
}

#[test]
fn kinds_are_told_apart() {
    let kinds = ["null", "true", "1", "\"\"", "[]", "{}"].map(|text| parse(text).kind());
    assert_eq!(
        kinds,
        [
            Kind::Null,
            Kind::Boolean,
            Kind::Number,
            Kind::String,
            Kind::Array,
            Kind::Object
        ]
    );
}

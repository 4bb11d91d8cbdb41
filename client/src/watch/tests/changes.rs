//! Changes between two snapshots, as patches.

use proptest::prelude::*;
use runmeta_core::Json;

use crate::watch::change::{merge, merge_patch};

/// Some of the same value, some that only differ behind the digits of a float.
const NUMBERS: [&str; 6] = [
    "1",
    "1.0",
    "1.00",
    "1e400",
    "9007199254740993123456789",
    "9007199254740993123456788",
];

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        prop::sample::select(&NUMBERS[..]).prop_map(json),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn patch_makes_one_value_of_the_other(before in value(), after in value()) {
        let mut patched = before.clone();
        if let Some(patch) = merge_patch(&before, &after) {
            merge(&mut patched, &patch);
            prop_assert_eq!(patched, after);
        }
    }

    #[test]
    fn there_is_a_patch_where_nothing_becomes_null(before in value(), after in value()) {
        let has_null = |value: &Json| value.to_string().contains("null");
        if !has_null(&after) {
            prop_assert!(merge_patch(&before, &after).is_some());
        }
    }
}

#[test]
fn patch_has_only_what_differs() {
    let before = json(r#"{"a": 1, "b": {"c": 1, "d": [1]}, "e": null, "f": 1}"#);
    let after = json(r#"{"a": 1, "b": {"c": 2, "d": [1]}, "e": null}"#);
    let expected = json(r#"{"b": {"c": 2}, "f": null}"#);
    assert_eq!(merge_patch(&before, &after), Some(expected));
    let becomes_null = merge_patch(&json(r#"{"a": 1}"#), &json(r#"{"a": null}"#));
    assert_eq!(becomes_null, None);
}

#[test]
fn number_has_changed_if_a_digit_of_it_has() {
    let before = json(r#"{"a": 1.0, "b": 9007199254740993123456788, "c": 1e400, "d": 0.10}"#);
    let after = json(r#"{"a": 1.00, "b": 9007199254740993123456789, "c": 1e401, "d": 0.10}"#);
    let patch = merge_patch(&before, &after).unwrap();
    let expected = r#"{"a":1.00,"b":9007199254740993123456789,"c":1e401}"#;
    assert_eq!(patch.to_string(), expected);
}

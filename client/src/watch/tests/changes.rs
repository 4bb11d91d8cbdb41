//! Changes between two snapshots, as patches.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::watch::change::{merge, merge_patch};

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
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
        let has_null = |value: &Value| value.to_string().contains("null");
        if !has_null(&after) {
            prop_assert!(merge_patch(&before, &after).is_some());
        }
    }
}

#[test]
fn patch_has_only_what_differs() {
    let before = json!({"a": 1, "b": {"c": 1, "d": [1]}, "e": null, "f": 1});
    let after = json!({"a": 1, "b": {"c": 2, "d": [1]}, "e": null});
    let expected = json!({"b": {"c": 2}, "f": null});
    assert_eq!(merge_patch(&before, &after), Some(expected));
    assert_eq!(merge_patch(&json!({"a": 1}), &json!({"a": null})), None);
}

//! Laws that hold for every document and every list of operations.

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use runmeta_core::{
    Json, MAXIMUM_DEPTH, Operation, Parsed, Shortened, Tree, apply, parse_list, same_value, size,
};
use serde_json::{Number, Value, json};

use crate::config::config;
use crate::generate::{document, operations, value};

fn parse(list: &Value) -> Vec<Parsed<Value>> {
    parse_list(list).unwrap()
}

fn applied(document: &Value, operations: &[Parsed<Value>]) -> Value {
    let mut document = document.clone();
    apply(&mut document, operations);
    document
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn shortening_changes_no_result(document in document(), list in operations()) {
        let list: Vec<Operation<Value>> = parse(&list).into_iter().flatten().collect();
        let short: Vec<Parsed<Value>> = list.iter().cloned().collect::<Shortened<_>>().into_iter().map(Ok).collect();
        prop_assert!(short.len() <= list.len());
        let list: Vec<Parsed<Value>> = list.into_iter().map(Ok).collect();
        let (long, short) = (applied(&document, &list), applied(&document, &short));
        prop_assert!(same_value(&long, &short), "{} is not {}", short, long);
    }

    #[test]
    fn applying_never_changes_the_list(document in document(), list in operations()) {
        let list = parse(&list);
        let before = list.clone();
        let first = applied(&document, &list);
        prop_assert_eq!(&list, &before);
        prop_assert_eq!(applied(&document, &list), first);
    }

    #[test]
    fn lists_can_be_split_anywhere(document in document(), list in operations(), at in 0usize..12) {
        let list = parse(&list);
        let (head, tail) = list.split_at(at.min(list.len()));
        prop_assert_eq!(applied(&applied(&document, head), tail), applied(&document, &list));
    }

    #[test]
    fn what_is_unapplied_had_no_effect(document in document(), list in operations()) {
        let list = parse(&list);
        let mut whole = document.clone();
        let unapplied = apply(&mut whole, &list);
        let skipped = |index: usize| unapplied.iter().any(|unapplied| unapplied.index == index);
        let kept: Vec<_> = list.iter().enumerate().filter(|(index, _)| !skipped(*index)).map(|(_, operation)| operation.clone()).collect();
        let mut rest = document.clone();
        prop_assert_eq!(apply(&mut rest, &kept), []);
        prop_assert_eq!(rest, whole);
    }

    #[test]
    fn a_document_stays_an_object_that_can_be_stored(document in document(), list in operations()) {
        let result = applied(&document, &parse(&list));
        prop_assert!(result.is_object());
        prop_assert_eq!(result.check(0), Ok(()));
        prop_assert!(depth(&result) <= MAXIMUM_DEPTH);
    }

    #[test]
    fn json_form_of_an_operation_is_read_back(list in operations()) {
        for operation in parse(&list).into_iter().flatten() {
            prop_assert_eq!(Operation::parse(&operation.to_json()).unwrap(), operation);
        }
    }

    #[test]
    fn size_is_the_length_of_the_text(document in document()) {
        prop_assert_eq!(size(&document), plain(&document).to_string().len());
    }
}

/// Writes every number without an exponent, as Postgres does.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(plain).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
        ),
        Value::Number(number) => {
            let text = number
                .as_str()
                .parse::<BigDecimal>()
                .unwrap()
                .to_plain_string();
            Value::Number(Number::from_string_unchecked(text))
        }
        other => other.clone(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_list_does_the_same_to_a_tree_and_to_a_value(document in document(), list in operations()) {
        let mut tree = Json::from(&document);
        let operations = parse_list(&Json::from(&list)).unwrap();
        let (unapplied, result) = (apply(&mut tree, &operations), applied(&document, &parse(&list)));
        prop_assert_eq!(apply(&mut document.clone(), &parse(&list)), unapplied);
        prop_assert_eq!(tree.size(), size(&result));
        prop_assert_eq!(tree, Json::from(&result));
        for operation in operations.into_iter().flatten() {
            let mut text = String::new();
            operation.write_to(&mut text);
            prop_assert_eq!(Json::parse(&text), Ok(operation.to_json()));
            prop_assert_eq!(Operation::parse(&operation.to_json()), Ok(operation));
        }
    }
}

/// Operations on few keys, most of them bounded appends: those that a list keeps together.
fn bounded_appends() -> impl Strategy<Value = Value> {
    let key = || {
        proptest::sample::select(
            [
                "a", "b", "$.a.b", "$.a.0", "$.a.-1", "$.b.log", "$.b.n", "$.c[1]",
            ]
            .as_slice(),
        )
    };
    let operation = prop_oneof![
        12 => (key(), 0u64..99, 1u64..5)
            .prop_map(|(key, value, keep)| json!({"type": "append", "key": key, "value": value, "keep": keep})),
        1 => (key(), value()).prop_map(|(key, value)| json!({"type": "append", "key": key, "value": value})),
        2 => (key(), value()).prop_map(|(key, value)| json!({"type": "set", "key": key, "value": value})),
        1 => key().prop_map(|key| json!({"type": "delete", "key": key})),
        1 => (key(), 0u64..99).prop_map(|(key, value)| json!({"type": "remove", "key": key, "value": value})),
        2 => key().prop_map(|key| json!({"type": "increment", "key": key})),
        1 => (key(), document()).prop_map(|(key, value)| json!({"type": "merge", "key": key, "value": value})),
    ];
    proptest::collection::vec(operation, 0..30).prop_map(Value::Array)
}

/// Documents with something at the keys of [`bounded_appends`], some of it too deep to be wrapped in an array.
fn document_at_limits() -> impl Strategy<Value = Value> {
    let deep =
        (95usize..=99).prop_map(|levels| (0..levels).fold(json!(1), |inner, _| json!([inner])));
    let place = prop_oneof![
        2 => value(),
        1 => proptest::collection::vec(value(), 0..6).prop_map(Value::Array),
        1 => deep,
        1 => (value(), value()).prop_map(|(log, n)| json!({"b": &log, "log": log, "n": n})),
    ];
    proptest::collection::vec(
        (proptest::sample::select(["a", "b", "c"].as_slice()), place),
        0..4,
    )
    .prop_map(|members| {
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bounded_appends_are_shortened_to_the_same_result(document in document_at_limits(), list in bounded_appends()) {
        prop_assume!(document.check(0).is_ok());
        let list: Vec<_> = parse(&list).into_iter().flatten().collect();
        let short: Vec<_> = list.iter().cloned().collect::<Shortened<_>>().into_iter().map(Ok).collect();
        let list: Vec<_> = list.into_iter().map(Ok).collect();
        prop_assert_eq!(applied(&document, &short), applied(&document, &list));
    }
}

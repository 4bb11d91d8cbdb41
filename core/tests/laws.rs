//! Laws that hold for every document and every list of operations.

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use runmeta_core::{
    Json, MAXIMUM_DEPTH, Members, Number, Operation, Parsed, Shortened, Tree, apply, parse_list,
};

use crate::config::config;
use crate::generate::{document, operation_of, operations, value};

fn parse(list: &Json) -> Vec<Parsed<Json>> {
    parse_list(list).unwrap()
}

fn applied(document: &Json, operations: &[Parsed<Json>]) -> Json {
    let mut document = document.clone();
    apply(&mut document, operations);
    document
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn shortening_changes_no_result(document in document(), list in operations()) {
        let list: Vec<Operation<Json>> = parse(&list).into_iter().flatten().collect();
        let short: Vec<Parsed<Json>> = list.iter().cloned().collect::<Shortened<_>>().into_iter().map(Ok).collect();
        prop_assert!(short.len() <= list.len());
        let list: Vec<Parsed<Json>> = list.into_iter().map(Ok).collect();
        let (long, short) = (applied(&document, &list), applied(&document, &short));
        prop_assert!(long.same_value(&short), "{} is not {}", short, long);
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
        prop_assert!(result.as_object().is_some());
        prop_assert_eq!(result.check(0), Ok(()));
        prop_assert!(depth(&result) <= MAXIMUM_DEPTH);
    }

    #[test]
    fn json_form_of_an_operation_is_read_back(list in operations()) {
        for operation in parse(&list).into_iter().flatten() {
            let mut text = String::new();
            operation.write_to(&mut text);
            prop_assert_eq!(Json::parse(&text), Ok(operation.to_json()));
            prop_assert_eq!(Operation::parse(&operation.to_json()), Ok(operation));
        }
    }

    #[test]
    fn size_is_the_length_of_the_text(document in document()) {
        prop_assert_eq!(document.size(), plain(&document).to_string().len());
    }
}

/// Writes every number without an exponent, as Postgres does.
fn plain(value: &Json) -> Json {
    match value {
        Json::Array(elements) => elements.iter().map(plain).collect(),
        Json::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| (name, plain(value)))
                .collect::<Members>(),
        ),
        Json::Number(number) => {
            let text = number
                .as_str()
                .parse::<BigDecimal>()
                .unwrap()
                .to_plain_string();
            Json::Number(Number::parse(&text).unwrap())
        }
        other => other.clone(),
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => {
            1 + members
                .iter()
                .map(|(_, value)| depth(value))
                .max()
                .unwrap_or(0)
        }
        _ => 0,
    }
}

/// Operations on few keys, most of them bounded appends: those that a list keeps together.
fn bounded_appends() -> impl Strategy<Value = Json> {
    let key = || {
        proptest::sample::select(
            [
                "a", "b", "$.a.b", "$.a.0", "$.a.-1", "$.b.log", "$.b.n", "$.c[1]",
            ]
            .as_slice(),
        )
    };
    let key_and_value = |name: &'static str, value: BoxedStrategy<Json>| {
        (key(), value).prop_map(move |(key, value)| {
            operation_of(name, [("key", key.into()), ("value", value)])
        })
    };
    let small = || (0u64..99).prop_map(Json::from).boxed();
    let operation = prop_oneof![
        12 => (key(), small(), 1u64..5).prop_map(|(key, value, keep)| {
            operation_of("append", [("key", key.into()), ("value", value), ("keep", keep.into())])
        }),
        1 => key_and_value("append", value().boxed()),
        2 => key_and_value("set", value().boxed()),
        1 => key().prop_map(|key| operation_of("delete", [("key", key.into())])),
        1 => key_and_value("remove", small()),
        2 => key_and_value("increment", small()),
        1 => key_and_value("merge", document().boxed()),
    ];
    proptest::collection::vec(operation, 0..30).prop_map(Json::from)
}

/// Documents with something at the keys of [`bounded_appends`], some of it too deep to be wrapped in an array.
fn document_at_limits() -> impl Strategy<Value = Json> {
    let deep = (95usize..=99)
        .prop_map(|levels| (0..levels).fold(Json::from(1), |inner, _| Json::from(vec![inner])));
    let place = prop_oneof![
        2 => value(),
        1 => proptest::collection::vec(value(), 0..6).prop_map(Json::from),
        1 => deep,
        1 => (value(), value()).prop_map(|(log, n)| Json::from([("b", log.clone()), ("log", log), ("n", n)])),
    ];
    proptest::collection::vec(
        (proptest::sample::select(["a", "b", "c"].as_slice()), place),
        0..4,
    )
    .prop_map(|members| Json::Object(Members::from_iter(members)))
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

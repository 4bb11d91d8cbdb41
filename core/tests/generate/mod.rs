//! Random documents and lists of operations, chosen so that operations often meet each other.

use proptest::prelude::*;
use runmeta_core::{Json, Members};

pub fn number() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => (-20i64..20).prop_map(Json::from),
        2 => (-1000i64..1000, 0u32..4).prop_map(|(digits, scale)| decimal(&format!("{digits}e-{scale}"))),
        1 => "-?[1-9][0-9]{0,39}(\\.[0-9]{1,20})?".prop_map(|text| decimal(&text)),
        1 => prop_oneof![Just("1e400"), Just("-2.5e-400"), Just("0.0"), Just("-0"), Just("1.50"), Just("1e10000")]
            .prop_map(decimal),
    ]
}

fn decimal(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop_oneof![Just("a"), Just("b"), Just("c"), Just("0"), Just("1"), Just("-1"), Just("")]
            .prop_map(str::to_owned),
        1 => prop_oneof![Just("a.b"), Just("ключ"), Just("🙂"), Just("x[0]"), Just("q\"uote"), Just("\\"), Just("$"), Just("*")]
            .prop_map(str::to_owned),
        1 => "[a-z\\PC]{1,6}".prop_map(|name| name.replace('\0', "")),
    ]
}

pub fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::Bool),
        4 => number(),
        2 => "[a-c\"\\\\\\n\u{1}é🙂]{0,5}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            proptest::collection::vec((name(), inner), 0..5).prop_map(object),
        ]
    })
}

/// A value nested up to twice as deep as a document may be.
pub fn deep_value() -> impl Strategy<Value = Json> {
    (1usize..120, any::<bool>()).prop_map(|(levels, arrays)| {
        (0..levels).fold(Json::from(1), |inner, _| {
            if arrays {
                Json::from(vec![inner])
            } else {
                Json::from([("a", inner)])
            }
        })
    })
}

pub fn document() -> impl Strategy<Value = Json> {
    proptest::collection::vec((name(), value()), 0..7).prop_map(object)
}

/// Makes an object of members, of which some may have the same name.
pub fn object(members: Vec<(String, Json)>) -> Json {
    Json::Object(Members::from_iter(members))
}

pub fn key() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        6 => prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|name| format!(".{name}")),
        3 => (-3i32..5).prop_map(|index| format!(".{index}")),
        2 => (-3i32..5).prop_map(|index| format!("[{index}]")),
        1 => name().prop_map(|name| format!("[{}]", Json::from(name))),
        1 => Just(".a\\.b".to_owned()),
    ];
    prop_oneof![
        4 => name(),
        6 => proptest::collection::vec(step, 1..4).prop_map(|steps| {
            let path = steps.concat();
            if path.starts_with('[') { format!("$.{path}") } else { format!("${path}") }
        }),
        1 => prop_oneof![Just("$."), Just("$.a..b"), Just("$.*"), Just("$.a[1:2]"), Just("$.a]")]
            .prop_map(str::to_owned),
    ]
}

fn keep() -> impl Strategy<Value = Json> {
    let written =
        prop_oneof![Just("2.0"), Just("1e0"), Just("1.5"), Just("1e300")].prop_map(decimal);
    prop_oneof![4 => (0u64..4).prop_map(Json::from), 1 => written]
}

/// Makes an operation of its type and its other members.
pub fn operation_of<const N: usize>(name: &str, members: [(&str, Json); N]) -> Json {
    let members = members.into_iter().chain([("type", Json::from(name))]);
    Json::Object(members.collect())
}

pub fn operation() -> impl Strategy<Value = Json> {
    let value = || prop_oneof![12 => value(), 1 => deep_value()];
    let key = || key().prop_map(Json::from);
    let key_and_value = |name: &'static str| {
        (key(), value())
            .prop_map(move |(key, value)| operation_of(name, [("key", key), ("value", value)]))
    };
    let whole = |name: &'static str| move |value| operation_of(name, [("value", value)]);
    let append =
        (key(), value(), proptest::option::of(keep())).prop_map(|(key, value, keep)| match keep {
            Some(keep) => operation_of("append", [("key", key), ("value", value), ("keep", keep)]),
            None => operation_of("append", [("key", key), ("value", value)]),
        });
    prop_oneof![
        3 => key_and_value("set"),
        2 => key().prop_map(|key| operation_of("delete", [("key", key)])),
        1 => document().prop_map(whole("update")),
        1 => prop_oneof![document(), value()].prop_map(whole("merge")),
        1 => key_and_value("merge"),
        3 => append,
        2 => key_and_value("remove"),
        4 => (key(), number()).prop_map(|(key, by)| operation_of("increment", [("key", key), ("value", by)])),
        1 => key_and_value("increment"),
        1 => key().prop_map(|key| operation_of("increment", [("key", key)])),
        1 => Just(operation_of("explode", [("key", "a".into())])),
        1 => prop_oneof![
            Just(operation_of("set", [("key", "a".into()), ("value", 1.into()), ("target", "parent".into())])),
            Just(operation_of("delete", [("key", "a".into()), ("value", 1.into())])),
            Just(operation_of("set", [("key", "a".into()), ("keep", 1.into())])),
        ],
    ]
}

pub fn operations() -> impl Strategy<Value = Json> {
    proptest::collection::vec(operation(), 0..12).prop_map(Json::from)
}

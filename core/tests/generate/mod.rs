//! Random documents and lists of operations, chosen so that operations often meet each other.

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

pub fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-20i64..20).prop_map(Value::from),
        2 => (-1000i64..1000, 0u32..4).prop_map(|(digits, scale)| decimal(&format!("{digits}e-{scale}"))),
        1 => "-?[1-9][0-9]{0,39}(\\.[0-9]{1,20})?".prop_map(|text| decimal(&text)),
        1 => prop_oneof![Just("1e400"), Just("-2.5e-400"), Just("0.0"), Just("-0"), Just("1.50"), Just("1e10000")]
            .prop_map(decimal),
    ]
}

fn decimal(text: &str) -> Value {
    Value::Number(text.parse::<Number>().unwrap())
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

pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        4 => number(),
        2 => "[a-c\"\\\\\\n\u{1}é🙂]{0,5}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A value nested up to twice as deep as a document may be.
pub fn deep_value() -> impl Strategy<Value = Value> {
    (1usize..120, any::<bool>()).prop_map(|(levels, arrays)| {
        (0..levels).fold(json!(1), |inner, _| {
            if arrays {
                json!([inner])
            } else {
                json!({"a": inner})
            }
        })
    })
}

pub fn document() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), value()), 0..7)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

pub fn key() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        6 => prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|name| format!(".{name}")),
        3 => (-3i32..5).prop_map(|index| format!(".{index}")),
        2 => (-3i32..5).prop_map(|index| format!("[{index}]")),
        1 => name().prop_map(|name| format!("[{}]", Value::String(name))),
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

fn keep() -> impl Strategy<Value = Value> {
    let written =
        prop_oneof![Just("2.0"), Just("1e0"), Just("1.5"), Just("1e300")].prop_map(decimal);
    prop_oneof![4 => (0u64..4).prop_map(Value::from), 1 => written]
}

pub fn operation() -> impl Strategy<Value = Value> {
    let value = prop_oneof![12 => value(), 1 => deep_value()];
    prop_oneof![
        3 => (key(), value.clone()).prop_map(|(key, value)| json!({"type": "set", "key": key, "value": value})),
        2 => key().prop_map(|key| json!({"type": "delete", "key": key})),
        1 => document().prop_map(|value| json!({"type": "update", "value": value})),
        1 => prop_oneof![document(), value.clone()].prop_map(|value| json!({"type": "merge", "value": value})),
        1 => (key(), value.clone()).prop_map(|(key, value)| json!({"type": "merge", "key": key, "value": value})),
        3 => (key(), value.clone(), proptest::option::of(keep())).prop_map(|(key, value, keep)| match keep {
            Some(keep) => json!({"type": "append", "key": key, "value": value, "keep": keep}),
            None => json!({"type": "append", "key": key, "value": value}),
        }),
        2 => (key(), value.clone()).prop_map(|(key, value)| json!({"type": "remove", "key": key, "value": value})),
        4 => (key(), number()).prop_map(|(key, value)| json!({"type": "increment", "key": key, "value": value})),
        1 => (key(), value).prop_map(|(key, value)| json!({"type": "increment", "key": key, "value": value})),
        1 => key().prop_map(|key| json!({"type": "increment", "key": key})),
        1 => Just(json!({"type": "explode", "key": "a"})),
        1 => prop_oneof![
            Just(json!({"type": "set", "key": "a", "value": 1, "target": "parent"})),
            Just(json!({"type": "delete", "key": "a", "value": 1})),
            Just(json!({"type": "set", "key": "a", "keep": 1})),
        ],
    ]
}

pub fn operations() -> impl Strategy<Value = Value> {
    proptest::collection::vec(operation(), 0..12).prop_map(Value::Array)
}

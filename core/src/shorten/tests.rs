//! Lists on which something about the way they are kept could go wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Json, Key};

fn read(operation: &Value) -> Operation<Json> {
    Operation::parse(&Json::from(operation)).unwrap()
}

fn push_all(list: &mut Shortened<Json>, operations: Value) {
    list.extend(operations.as_array().unwrap().iter().map(read));
    assert_eq!(list.len(), list.iter().count());
}

/// Returns what is left of a list: type, key and value of each.
fn shortened(operations: Value) -> Vec<String> {
    let mut list = Shortened::new();
    push_all(&mut list, operations);
    let text = |operation: Operation<Json>| {
        let key = operation.key().map(|key| format!(" {}", key.as_str()));
        let value = operation.value().map(|value| format!(" {value}"));
        operation.operation_type().to_string()
            + &key.unwrap_or_default()
            + &value.unwrap_or_default()
    };
    let (length, mut operations) = (list.len(), list.into_iter());
    let first = operations.next().map(text);
    assert_eq!(operations.len(), length.saturating_sub(1));
    first.into_iter().chain(operations.map(text)).collect()
}

/// Returns the values of a list.
fn values(list: &Shortened<Json>) -> Vec<String> {
    list.iter()
        .filter_map(Operation::value)
        .map(Json::to_string)
        .collect()
}

fn inc(key: &str, by: f64) -> Value {
    json!({"type": "increment", "key": key, "value": by})
}

fn set(key: &str, value: i64) -> Value {
    json!({"type": "set", "key": key, "value": value})
}

fn delete(key: &str) -> Value {
    json!({"type": "delete", "key": key})
}

#[test]
fn increments_of_one_key_add_up_across_other_keys() {
    let list = shortened(json!([
        inc("a", 0.1),
        inc("b", 1.0),
        inc("a", 0.2),
        inc("$.l.0", 1.0),
        inc("$.l.0", 2.0)
    ]));
    assert_eq!(
        list,
        ["increment a 0.3", "increment b 1.0", "increment $.l.0 3.0"]
    );
}

#[test]
fn increments_do_not_cross_an_overlapping_path() {
    let list = shortened(json!([inc("$.a.b", 1.0), delete("a"), inc("$.a.b", 1.0)]));
    assert_eq!(list.len(), 3);
    let list = shortened(json!([
        inc("$.a.0", 1.0),
        inc("$.a.-1", 1.0),
        inc("$.a.0", 1.0)
    ]));
    assert_eq!(list.len(), 3);
}

#[test]
fn set_drops_what_it_overwrites() {
    let list = shortened(json!([
        set("a", 1), inc("a", 1.0), delete("a"), set("b", 1), {"type": "append", "key": "a", "value": 1}, set("a", 2)
    ]));
    assert_eq!(list, ["set b 1", "set a 2"]);
    assert_eq!(
        shortened(json!([set("$.a.b", 1), set("$.a.b", 2)])),
        ["set $.a.b 2"]
    );
}

#[test]
fn set_by_position_drops_nothing() {
    assert_eq!(
        shortened(json!([delete("$.a.0"), set("$.a.0", 1)])).len(),
        2
    );
}

#[test]
fn delete_by_path_keeps_what_creates_containers() {
    assert_eq!(
        shortened(json!([set("$.a.b", 1), delete("$.a.b")])).len(),
        2
    );
    assert_eq!(
        shortened(json!([delete("$.a.b"), delete("$.a.b")])).len(),
        1
    );
    assert_eq!(shortened(json!([set("a", 1), delete("a")])), ["delete a"]);
}

#[test]
fn update_drops_all_and_merge_none() {
    let update = json!({"type": "update", "value": {"n": 1}});
    assert_eq!(
        shortened(json!([set("a", 1), inc("b", 1.0), update])),
        [r#"update {"n":1}"#]
    );
    let merge = json!({"type": "merge", "value": {"a": null}});
    assert_eq!(shortened(json!([set("a", 1), merge, set("a", 2)])).len(), 3);
}

#[test]
fn weight_is_that_of_what_is_left_and_known_before() {
    let merge = json!({"type": "merge", "value": {"a": 1}});
    let big = json!({"type": "set", "key": "a", "value": "x".repeat(1000)});
    let mut list = Shortened::new();
    for operation in [
        set("a", 1),
        inc("b", 0.1),
        inc("b", 1e300),
        big,
        set("a", 1),
        merge,
        delete("a"),
        inc("$.c.0", 1.0),
        set("", 1),
        json!({"type": "update", "value": {}}),
        set("a", 1),
    ] {
        let operation = read(&operation);
        let expected = list.weight_with(&operation);
        list.push(operation);
        assert_eq!(list.weight(), expected);
        assert_eq!(
            list.weight(),
            list.iter().map(Operation::weight).sum::<usize>()
        );
    }
}

#[test]
fn what_is_dropped_from_a_long_list_is_what_was_said_last() {
    let mut list = Shortened::new();
    let key = |n: i64| format!("$.a.k{n}");
    for n in 0..100 {
        list.push(read(&set(&key(n), n)));
    }
    // The first is too far back to be looked for; of the last five, each is dropped for the next.
    for n in [0, 95, 96, 97, 98, 99, 97] {
        list.push(read(&set(&key(n), -n)));
    }
    let expected = (0..95).chain([0, -95, -96, -98, -99, -97]);
    assert_eq!(
        values(&list),
        expected.map(|n: i64| n.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn gaps_are_closed_and_positions_follow() {
    let mut list = Shortened::new();
    for round in 0..1000 {
        for key in ["a", "b"] {
            list.push(read(&set(key, round)));
        }
        list.push(read(&inc("n", 1.0)));
    }
    assert!(list.slots.slots() < 40);
    assert_eq!(values(&list), ["1000.0", "999", "999"]);
}

#[test]
fn many_other_keys_between_do_not_keep_increments_apart() {
    let mut list: Vec<Value> = (0..100).map(|n| inc(&format!("k{n}"), 1.0)).collect();
    list.extend(list.clone());
    assert_eq!(shortened(Value::from(list)).len(), 100);
}

#[test]
fn what_is_refused_on_any_document_neither_drops_nor_is_dropped() {
    let deep = Json::from((0..100).fold(json!(1), |inner, _| json!([inner])));
    let key = || Key::parse("a").unwrap();
    let refused = || Operation::Set {
        key: key(),
        value: deep.clone(),
    };
    let mut list = Shortened::new();
    assert!(list.is_empty());
    for operation in [read(&set("a", 1)), refused(), refused()] {
        let expected = list.weight_with(&operation);
        list.push(operation);
        assert_eq!(list.weight(), expected);
    }
    assert_eq!(list.len(), 3);
    // Only what is not refused is overwritten.
    list.push(read(&set("a", 2)));
    assert!(!list.is_empty());
    assert_eq!(
        values(&list),
        [deep.to_string(), deep.to_string(), "2".to_owned()]
    );
}

#[test]
fn gaps_are_closed_when_they_are_more_than_a_fifth() {
    let mut list = Shortened::new();
    for n in 0..20 {
        list.push(read(&set(&format!("k{n}"), n)));
    }
    let mut overwrite = |times: usize| {
        for n in 0..times {
            list.push(read(&set("k7", n as i64)));
        }
        list.slots.slots()
    };
    assert_eq!(overwrite(4), 24);
    assert_eq!(overwrite(1), 20);
}

#[test]
fn a_list_of_one_key_takes_one_slot_however_often_it_is_set() {
    let mut list = Shortened::new();
    for n in 0..100 {
        list.push(read(&set("a", n)));
        assert_eq!(list.slots.slots(), 1);
    }
}

fn append(key: &str, value: i64, keep: u64) -> Value {
    json!({"type": "append", "key": key, "value": value, "keep": keep})
}

#[test]
fn as_many_bounded_appends_wait_as_the_last_one_keeps() {
    let mut list = Shortened::new();
    for n in 0..1000 {
        let append = read(&append("$.job.log", n, 20));
        let expected = list.weight_with(&append);
        list.push(append);
        assert_eq!(list.weight(), expected);
        assert_eq!(list.len(), (n as usize + 1).min(20) + usize::from(n > 0));
        // Operations on other keys, below the same first step too, are no reason to keep more.
        list.push(read(&inc("$.job.rows", 1.0)));
    }
    let last = (980..1000).map(|n| n.to_string());
    let mut expected: Vec<_> = last.collect();
    expected.push("1000.0".to_owned());
    assert_eq!(values(&list), expected);
    // Fewer stay if the next one keeps fewer, and more if it keeps more.
    push_all(&mut list, json!([append("$.job.log", 1000, 3)]));
    assert_eq!(values(&list), ["998", "999", "1000", "1000.0"]);
    push_all(
        &mut list,
        json!([append("$.job.log", 1001, 5), append("$.job.log", 1002, 1)]),
    );
    assert_eq!(values(&list), ["1002", "1000.0"]);
    push_all(&mut list, json!([set("$.job.log", 7)]));
    assert_eq!(values(&list), ["1000.0", "7"]);
}

#[test]
fn bounded_appends_do_not_cross_an_overlapping_path() {
    let log = |value| append("$.a.log", value, 1);
    for between in [
        json!({"type": "append", "key": "$.a.log", "value": 0}),
        json!({"type": "remove", "key": "$.a.log", "value": 0}),
        json!({"type": "merge", "value": {"b": 1}}),
        set("$.a.log.0", 1),
        set("a", 1),
    ] {
        assert_eq!(shortened(json!([log(1), between, log(2)])).len(), 3);
    }
}

proptest! {
    /// What is found, dropped and moved is compared with a list that has neither slots nor an index.
    #[test]
    fn slots_hold_what_a_plain_list_would(keys in proptest::collection::vec((0i64..40, 0i64..3), 0..200)) {
        let mut list = Shortened::new();
        let mut plain: Vec<(i64, String)> = Vec::new();
        for (n, (key, kind)) in keys.into_iter().enumerate() {
            let name = format!("k{key}");
            match kind {
                0 => {
                    plain.retain(|(other, _)| *other != key);
                    plain.push((key, n.to_string()));
                    list.push(read(&set(&name, n as i64)));
                }
                1 => {
                    plain.retain(|(other, _)| *other != key);
                    plain.push((key, "null".to_owned()));
                    list.push(read(&json!({"type": "set", "key": name, "value": null})));
                }
                _ => {
                    plain.push((-1, format!("{{\"{name}\":{n}}}")));
                    let refused = json!({name: n});
                    list.push(Operation::Increment { key: Key::parse("k1").unwrap(), value: Json::from(refused) });
                }
            }
            prop_assert!(list.slots.slots() <= list.len() + list.len() / 4 + 1);
        }
        prop_assert_eq!(values(&list), plain.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    }
}

//! `append`, bounded or not, and `remove`.

use super::{NONE, check};

const NOT_AN_ARRAY: &[(usize, &str)] = &[(0, "not_an_array")];

#[test]
fn append_adds_at_the_end_of_the_array() {
    check(&[
        (
            r#"{"a":[1]}"#,
            r#"[{"type":"append","key":"a","value":2}]"#,
            r#"{"a":[1,2]}"#,
            NONE,
        ),
        (
            r#"{"a":[]}"#,
            r#"[{"type":"append","key":"a","value":null}]"#,
            r#"{"a":[null]}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":[[1],[2]]}}"#,
            r#"[{"type":"append","key":"$.a.b.1","value":3}]"#,
            r#"{"a":{"b":[[1],[2,3]]}}"#,
            NONE,
        ),
        (
            r#"{"a":[1]}"#,
            r#"[{"type":"append","key":"a","value":1},{"type":"append","key":"a","value":1}]"#,
            r#"{"a":[1,1,1]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn append_where_nothing_is_makes_an_array() {
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"append","key":"a","value":1}]"#,
            r#"{"a":[1]}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"append","key":"$.a.b","value":1}]"#,
            r#"{"a":{"b":[1]}}"#,
            NONE,
        ),
        (
            r#"{"a":[]}"#,
            r#"[{"type":"append","key":"$.a.0","value":1}]"#,
            r#"{"a":[[1]]}"#,
            NONE,
        ),
        (
            r#"{"a":[5]}"#,
            r#"[{"type":"append","key":"$.a[1]","value":1}]"#,
            r#"{"a":[5,[1]]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn append_to_what_is_no_array_puts_both_into_one() {
    for old in ["1", "\"x\"", "{\"b\":[]}", "null", "false"] {
        let document = format!(r#"{{"a":{old}}}"#);
        let expected = format!(r#"{{"a":[{old},7]}}"#);
        check(&[(
            &document,
            r#"[{"type":"append","key":"a","value":7}]"#,
            &expected,
            NONE,
        )]);
        check(&[(
            &document,
            r#"[{"type":"append","key":"$.a","value":7}]"#,
            &expected,
            NONE,
        )]);
    }
    check(&[(
        r#"{"a":[null]}"#,
        r#"[{"type":"append","key":"$.a.0","value":7}]"#,
        r#"{"a":[[null,7]]}"#,
        NONE,
    )]);
}

#[test]
fn append_nests_an_array_and_does_not_join_it() {
    check(&[
        (
            r#"{"a":[1]}"#,
            r#"[{"type":"append","key":"a","value":[2,3]}]"#,
            r#"{"a":[1,[2,3]]}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"append","key":"a","value":[2,3]}]"#,
            r#"{"a":[[2,3]]}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"append","key":"a","value":[]}]"#,
            r#"{"a":[1,[]]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn bounded_append_keeps_the_last() {
    check(&[
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":2}]"#,
            r#"{"a":[3,4]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":1}]"#,
            r#"{"a":[4]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":4}]"#,
            r#"{"a":[1,2,3,4]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":3}]"#,
            r#"{"a":[2,3,4]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":18446744073709551615}]"#,
            r#"{"a":[1,2,3,4]}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":1}]"#,
            r#"{"a":[4]}"#,
            NONE,
        ),
        // The old value is the first of the two.
        (
            r#"{"a":"old"}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":2}]"#,
            r#"{"a":["old",4]}"#,
            NONE,
        ),
        (
            r#"{"a":"old"}"#,
            r#"[{"type":"append","key":"a","value":4,"keep":1}]"#,
            r#"{"a":[4]}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":[1,2]}}"#,
            r#"[{"type":"append","key":"$.a.b","value":3,"keep":2}]"#,
            r#"{"a":{"b":[2,3]}}"#,
            NONE,
        ),
    ]);
}

#[test]
fn keep_is_a_whole_number_from_1() {
    for (keep, taken) in [
        ("1", true),
        ("1.0", true),
        ("10e-1", true),
        ("0", false),
        ("0.0", false),
        ("-1", false),
        ("1.5", false),
        ("18446744073709551616", false),
        ("1e300", false),
        ("\"1\"", false),
        ("null", false),
        ("[1]", false),
    ] {
        let list = format!(r#"[{{"type":"append","key":"a","value":2,"keep":{keep}}}]"#);
        match taken {
            true => check(&[(r#"{"a":[1]}"#, &list, r#"{"a":[2]}"#, NONE)]),
            false => check(&[(r#"{"a":[1]}"#, &list, r#"{"a":[1]}"#, &[(0, "bad_value")])]),
        }
    }
}

#[test]
fn remove_takes_every_equal_element() {
    check(&[
        (
            r#"{"a":[1,2,1,3]}"#,
            r#"[{"type":"remove","key":"a","value":1}]"#,
            r#"{"a":[2,3]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,1]}"#,
            r#"[{"type":"remove","key":"a","value":1}]"#,
            r#"{"a":[]}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2]}"#,
            r#"[{"type":"remove","key":"a","value":3}]"#,
            r#"{"a":[1,2]}"#,
            NONE,
        ),
        (
            r#"{"a":[]}"#,
            r#"[{"type":"remove","key":"a","value":3}]"#,
            r#"{"a":[]}"#,
            NONE,
        ),
        (
            r#"{"a":[[1],[1,2],1]}"#,
            r#"[{"type":"remove","key":"a","value":[1]}]"#,
            r#"{"a":[[1,2],1]}"#,
            NONE,
        ),
        (
            r#"{"a":[[1,2],[1]]}"#,
            r#"[{"type":"remove","key":"$.a.0","value":1}]"#,
            r#"{"a":[[2],[1]]}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":["x","y"]}}"#,
            r#"[{"type":"remove","key":"$.a.b","value":"x"}]"#,
            r#"{"a":{"b":["y"]}}"#,
            NONE,
        ),
        (
            r#"{"a":[[1]]}"#,
            r#"[{"type":"remove","key":"$.a.-1","value":1}]"#,
            r#"{"a":[[]]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn remove_without_an_array_is_unapplied_and_creates_nothing() {
    for old in ["1", "\"1\"", "{\"b\":1}", "null", "true"] {
        let document = format!(r#"{{"a":{old}}}"#);
        check(&[(
            &document,
            r#"[{"type":"remove","key":"a","value":1}]"#,
            &document,
            NOT_AN_ARRAY,
        )]);
    }
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"remove","key":"a","value":1}]"#,
            r#"{}"#,
            NOT_AN_ARRAY,
        ),
        (
            r#"{}"#,
            r#"[{"type":"remove","key":"$.a.b","value":1}]"#,
            r#"{}"#,
            NOT_AN_ARRAY,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"remove","key":"$.a.b","value":1}]"#,
            r#"{"a":1}"#,
            NOT_AN_ARRAY,
        ),
        (
            r#"{"a":null}"#,
            r#"[{"type":"remove","key":"$.a.b","value":1}]"#,
            r#"{"a":null}"#,
            NOT_AN_ARRAY,
        ),
        (
            r#"{"a":[[1]]}"#,
            r#"[{"type":"remove","key":"$.a.1","value":1}]"#,
            r#"{"a":[[1]]}"#,
            NOT_AN_ARRAY,
        ),
        (
            r#"{"a":[[1]]}"#,
            r#"[{"type":"remove","key":"$.a.x","value":1}]"#,
            r#"{"a":[[1]]}"#,
            NOT_AN_ARRAY,
        ),
    ]);
}

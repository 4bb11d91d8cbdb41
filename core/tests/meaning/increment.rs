//! `increment`, and numbers that stay exact.

use super::{NONE, check};

#[test]
fn increment_adds_to_the_number() {
    check(&[
        (
            r#"{"a":1}"#,
            r#"[{"type":"increment","key":"a","value":2}]"#,
            r#"{"a":3}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"increment","key":"a","value":-2}]"#,
            r#"{"a":-1}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":[1,2]}}"#,
            r#"[{"type":"increment","key":"$.a.b.-1","value":10}]"#,
            r#"{"a":{"b":[1,12]}}"#,
            NONE,
        ),
    ]);
}

#[test]
fn increment_counts_what_is_missing_or_no_number_as_zero() {
    for old in ["null", "\"5\"", "true", "[1]", "{\"b\":1}"] {
        let document = format!(r#"{{"a":{old}}}"#);
        check(&[(
            &document,
            r#"[{"type":"increment","key":"a","value":2}]"#,
            r#"{"a":2}"#,
            NONE,
        )]);
    }
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"increment","key":"a","value":0}]"#,
            r#"{"a":0}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"increment","key":"$.a.b","value":2}]"#,
            r#"{"a":{"b":2}}"#,
            NONE,
        ),
        (
            r#"{"a":[]}"#,
            r#"[{"type":"increment","key":"$.a.0","value":2}]"#,
            r#"{"a":[2]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn increment_without_a_value_is_by_one() {
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"increment","key":"a"}]"#,
            r#"{"a":1}"#,
            NONE,
        ),
        (
            r#"{"a":0.5}"#,
            r#"[{"type":"increment","key":"a"},{"type":"increment","key":"a"}]"#,
            r#"{"a":2.5}"#,
            NONE,
        ),
    ]);
}

#[test]
fn increment_takes_a_number() {
    for value in ["null", "\"1\"", "true", "[1]", "{}"] {
        let list = format!(r#"[{{"type":"increment","key":"a","value":{value}}}]"#);
        check(&[(r#"{"a":1}"#, &list, r#"{"a":1}"#, &[(0, "bad_value")])]);
    }
}

#[test]
fn sums_are_exact_decimals() {
    for (old, by, sum) in [
        ("0.1", "0.2", "0.3"),
        ("1.1", "-1.1", "0.0"),
        ("9007199254740993", "2", "9007199254740995"),
        (
            "123456789012345678901234567890",
            "0.000000000000000000001",
            "123456789012345678901234567890.000000000000000000001",
        ),
        ("1e3", "1", "1001"),
        ("-1e-3", "0.001", "0.000"),
        ("0", "-0", "0"),
        ("99.99", "0.01", "100.00"),
    ] {
        let document = format!(r#"{{"a":{old}}}"#);
        let list = format!(r#"[{{"type":"increment","key":"a","value":{by}}}]"#);
        let expected = format!(r#"{{"a":{sum}}}"#);
        check(&[(&document, &list, &expected, NONE)]);
    }
}

#[test]
fn numbers_survive_a_write_to_another_key_as_they_are() {
    let number = "1e+400";
    let digits = "123456789.012345678901234567890";
    let document = format!(r#"{{"a":{number},"b":{digits}}}"#);
    let expected = format!(r#"{{"a":{number},"b":{digits},"c":1}}"#);
    check(&[(
        &document,
        r#"[{"type":"set","key":"c","value":1}]"#,
        &expected,
        NONE,
    )]);
}

#[test]
fn numbers_that_postgres_cannot_hold_are_refused() {
    let refused: &[(usize, &str)] = &[(0, "bad_value")];
    for (value, taken) in [
        ("1e131071", true),
        ("1e131072", false),
        ("-1e131072", false),
        ("1e-16383", true),
        ("1e-16384", false),
    ] {
        for list in [
            format!(r#"[{{"type":"set","key":"a","value":[{{"b":{value}}}]}}]"#),
            format!(r#"[{{"type":"increment","key":"a","value":{value}}}]"#),
        ] {
            let set = list.contains("set");
            let expected = match (taken, set) {
                (true, true) => format!(r#"{{"a":[{{"b":{value}}}]}}"#),
                (true, false) => format!(r#"{{"a":{value}}}"#),
                (false, _) => "{}".to_owned(),
            };
            check(&[("{}", &list, &expected, if taken { NONE } else { refused })]);
        }
    }
    // The sum has one digit too many.
    let document = r#"{"a":9e131071,"b":1}"#;
    check(&[(
        document,
        r#"[{"type":"increment","key":"a","value":1e131071}]"#,
        document,
        refused,
    )]);
}

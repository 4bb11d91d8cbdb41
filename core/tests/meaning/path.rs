//! Keys that are paths.

use super::{NONE, check};

/// Checks that `set` of 1 at the key, written as JSON text, gives `expected` and skips for this reason.
fn set(document: &str, key: &str, expected: Result<&str, &str>) {
    let list = format!(r#"[{{"type":"set","key":{key},"value":1}}]"#);
    match expected {
        Ok(expected) => check(&[(document, &list, expected, NONE)]),
        Err(reason) => check(&[(document, &list, document, &[(0, reason)])]),
    }
}

#[test]
fn steps_are_names_positions_and_quoted_texts() {
    set("{}", r#""$.a""#, Ok(r#"{"a":1}"#));
    set("{}", r#""$.a.b""#, Ok(r#"{"a":{"b":1}}"#));
    set("{}", r#""$.a b.ключ""#, Ok(r#"{"a b":{"ключ":1}}"#));
    set(r#"{"a":[5]}"#, r#""$.a.0""#, Ok(r#"{"a":[1]}"#));
    set(r#"{"a":[5]}"#, r#""$.a[0]""#, Ok(r#"{"a":[1]}"#));
    set(r#"{"a":[[5]]}"#, r#""$.a[0][0]""#, Ok(r#"{"a":[[1]]}"#));
    set(r#"{"a":[{}]}"#, r#""$.a[0].b""#, Ok(r#"{"a":[{"b":1}]}"#));
    set("{}", r#""$.a[\"b.c\"]""#, Ok(r#"{"a":{"b.c":1}}"#));
    set(
        "{}",
        r#""$.a[\"b[0]\"].c""#,
        Ok(r#"{"a":{"b[0]":{"c":1}}}"#),
    );
    set("{}", r#""$.a[\"\"]""#, Ok(r#"{"a":{"":1}}"#));
    set("{}", r#""$.[\"a.b\"]""#, Ok(r#"{"a.b":1}"#));
    set("{}", r#""$.a\\.b.c""#, Ok(r#"{"a.b":{"c":1}}"#));
    // A backslash before anything else is a character as any other.
    set("{}", r#""$.a\\b""#, Ok(r#"{"a\\b":1}"#));
    set("{}", r#""$.$""#, Ok(r#"{"$":1}"#));
}

#[test]
fn a_number_is_a_key_of_an_object_and_a_position_of_an_array() {
    set(r#"{"a":{}}"#, r#""$.a.0""#, Ok(r#"{"a":{"0":1}}"#));
    set(r#"{"a":{"0":5}}"#, r#""$.a[0]""#, Ok(r#"{"a":{"0":1}}"#));
    set(r#"{"a":{"-1":5}}"#, r#""$.a[-1]""#, Ok(r#"{"a":{"-1":1}}"#));
    set("{}", r#""$.0""#, Ok(r#"{"0":1}"#));
    set("{}", r#""$.[0]""#, Ok(r#"{"0":1}"#));
    // A quoted number is a name, and names are no positions.
    set(r#"{"a":[5]}"#, r#""$.a[\"0\"]""#, Err("index_out_of_range"));
    set(r#"{"a":[5]}"#, r#""$.a.b""#, Err("index_out_of_range"));
    set(r#"{"a":[5]}"#, r#""$.a.00""#, Err("index_out_of_range"));
    set(r#"{"a":[5]}"#, r#""$.a.+0""#, Err("index_out_of_range"));
    set(r#"{"a":[5]}"#, r#""$.a.-0""#, Err("index_out_of_range"));
    set(r#"{"a":[5]}"#, r#""$.a.-""#, Err("index_out_of_range"));
}

#[test]
fn a_position_equal_to_the_length_appends() {
    set(r#"{"a":[]}"#, r#""$.a.0""#, Ok(r#"{"a":[1]}"#));
    set(r#"{"a":[5]}"#, r#""$.a[1]""#, Ok(r#"{"a":[5,1]}"#));
    set(r#"{"a":[5]}"#, r#""$.a.1.b""#, Ok(r#"{"a":[5,{"b":1}]}"#));
}

#[test]
fn a_negative_position_counts_from_the_end() {
    set(r#"{"a":[5,6]}"#, r#""$.a.-1""#, Ok(r#"{"a":[5,1]}"#));
    set(r#"{"a":[5,6]}"#, r#""$.a[-2]""#, Ok(r#"{"a":[1,6]}"#));
}

#[test]
fn a_position_beyond_is_out_of_range() {
    for key in [
        "$.a.3",
        "$.a.-3",
        "$.a[99999999999999999999]",
        "$.a[-99999999999999999999]",
        "$.a.3.b",
    ] {
        let key = format!("\"{key}\"");
        set(r#"{"a":[5,6]}"#, &key, Err("index_out_of_range"));
    }
    set(r#"{"a":[]}"#, r#""$.a.-1""#, Err("index_out_of_range"));
    set(r#"{"a":[]}"#, r#""$.a.1""#, Err("index_out_of_range"));
}

#[test]
fn wildcards_slices_and_filters_are_bad_paths() {
    for key in [
        "$.",
        "$.*",
        "$.a.*",
        "$..a",
        "$.a..b",
        "$.a.",
        "$.a[*]",
        "$.a[1:2]",
        "$.a[?(@.b)]",
        "$.a[b]",
        "$.a['b']",
        "$.a[0",
        "$.a[",
        "$.a[]",
        "$.a]",
        "$.a[0]b",
        "$.a.[0]",
        "$.[0].[0]",
        "$.a[01]",
        "$.a[+1]",
        "$.a[-0]",
        "$.a[0x1]",
        "$.a[1.5]",
    ] {
        let key = format!("\"{key}\"");
        set(r#"{"a":[5,6]}"#, &key, Err("bad_path"));
    }
    for key in [
        r#""$.a[\"b\"""#,
        r#""$.a[\"b]""#,
        r#""$.a[\"b\"c]""#,
        r#""$.a[\"\\x\"]""#,
    ] {
        set(r#"{"a":{}}"#, key, Err("bad_path"));
    }
}

#[test]
fn a_path_has_at_most_100_steps() {
    let path = |steps: usize| format!("\"${}\"", ".a".repeat(steps));
    set(
        "{}",
        &path(100),
        Ok(&format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100))),
    );
    set("{}", &path(101), Err("bad_path"));
}

#[test]
fn what_is_missing_or_null_on_the_way_is_created_as_an_object() {
    set("{}", r#""$.a.b.c""#, Ok(r#"{"a":{"b":{"c":1}}}"#));
    set(r#"{"a":null}"#, r#""$.a.b""#, Ok(r#"{"a":{"b":1}}"#));
    set(
        r#"{"a":{"b":null}}"#,
        r#""$.a.b.0""#,
        Ok(r#"{"a":{"b":{"0":1}}}"#),
    );
    set(r#"{"a":[null]}"#, r#""$.a.0.b""#, Ok(r#"{"a":[{"b":1}]}"#));
    set(r#"{"a":null}"#, r#""$.a.-1""#, Ok(r#"{"a":{"-1":1}}"#));
}

#[test]
fn a_scalar_on_the_way_is_no_container() {
    for scalar in ["0", "\"\"", "\"x\"", "true", "false"] {
        let document = format!(r#"{{"a":{scalar}}}"#);
        for key in [r#""$.a.b""#, r#""$.a.0""#, r#""$.a.b.c""#] {
            set(&document, key, Err("not_a_container"));
        }
        let document = format!(r#"{{"a":{{"b":[{scalar}]}}}}"#);
        set(&document, r#""$.a.b.0.c""#, Err("not_a_container"));
    }
}

#[test]
fn what_cannot_be_reached_leaves_no_containers_behind() {
    set(
        r#"{"a":{"b":[]}}"#,
        r#""$.a.b.1.c""#,
        Err("index_out_of_range"),
    );
    set(r#"{"a":{"b":1}}"#, r#""$.a.b.c.d""#, Err("not_a_container"));
    check(&[
        (
            r#"{"a":[5]}"#,
            r#"[{"type":"append","key":"$.a.x","value":1}]"#,
            r#"{"a":[5]}"#,
            &[(0, "index_out_of_range")],
        ),
        (
            r#"{"a":5}"#,
            r#"[{"type":"append","key":"$.a.x","value":1}]"#,
            r#"{"a":5}"#,
            &[(0, "not_a_container")],
        ),
        (
            r#"{"a":5}"#,
            r#"[{"type":"increment","key":"$.a.x","value":1}]"#,
            r#"{"a":5}"#,
            &[(0, "not_a_container")],
        ),
        (
            r#"{"a":[5]}"#,
            r#"[{"type":"increment","key":"$.a.2","value":1}]"#,
            r#"{"a":[5]}"#,
            &[(0, "index_out_of_range")],
        ),
    ]);
}

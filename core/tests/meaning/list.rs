//! Lists: their order, and what is skipped.

use super::{NONE, applied, check, json};
use runmeta_core::parse_list;

#[test]
fn operations_apply_in_order_each_to_the_result_of_the_one_before() {
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"set","key":"a","value":1},{"type":"increment","key":"a","value":1},{"type":"append","key":"a","value":5}]"#,
            r#"{"a":[2,5]}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"set","key":"a","value":1},{"type":"delete","key":"a"}]"#,
            r#"{}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"delete","key":"a"},{"type":"set","key":"a","value":1}]"#,
            r#"{"a":1}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"update","value":{}},{"type":"increment","key":"a","value":1}]"#,
            r#"{"a":1}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2,3]}"#,
            r#"[{"type":"delete","key":"$.a.0"},{"type":"delete","key":"$.a.0"}]"#,
            r#"{"a":[3]}"#,
            NONE,
        ),
        (r#"{}"#, r#"[]"#, r#"{}"#, NONE),
    ]);
}

#[test]
fn what_cannot_be_applied_is_skipped_and_the_others_count() {
    check(&[(
        r#"{"a":1,"l":[]}"#,
        r#"[{"type":"set","key":"b","value":1},
            {"type":"remove","key":"a","value":1},
            {"type":"set","key":"$.a.b","value":1},
            {"type":"set","key":"$.l.1","value":1},
            {"type":"set","key":"$.*","value":1},
            {"type":"explode","key":"a"},
            {"type":"set","key":"b"},
            {"type":"set","key":"b","value":2,"target":"parent"},
            {"type":"increment","key":"b","value":1}]"#,
        r#"{"a":1,"b":2,"l":[]}"#,
        &[
            (1, "not_an_array"),
            (2, "not_a_container"),
            (3, "index_out_of_range"),
            (4, "bad_path"),
            (5, "unknown_type"),
            (6, "bad_value"),
            (7, "unknown_member"),
        ],
    )]);
}

#[test]
fn a_type_is_one_of_the_seven_names() {
    for name in [
        "null",
        "1",
        "\"\"",
        "\"SET\"",
        "\"replace\"",
        "\"decrement\"",
        "[\"set\"]",
        "{}",
    ] {
        let list = format!(r#"[{{"type":{name},"key":"a","value":1}}]"#);
        check(&[("{}", &list, "{}", &[(0, "unknown_type")])]);
    }
    check(&[(
        "{}",
        r#"[{"key":"a","value":1},{}]"#,
        "{}",
        &[(0, "unknown_type"), (1, "unknown_type")],
    )]);
}

#[test]
fn a_value_must_be_there_and_may_be_null() {
    for name in ["set", "append", "remove"] {
        let list = format!(r#"[{{"type":"{name}","key":"a"}}]"#);
        check(&[(
            r#"{"a":[null,1]}"#,
            &list,
            r#"{"a":[null,1]}"#,
            &[(0, "bad_value")],
        )]);
    }
    for list in [
        r#"[{"type":"update"}]"#,
        r#"[{"type":"merge"}]"#,
        r#"[{"type":"merge","key":"a"}]"#,
    ] {
        check(&[(r#"{"a":1}"#, list, r#"{"a":1}"#, &[(0, "bad_value")])]);
    }
    check(&[(
        r#"{"a":[null,1]}"#,
        r#"[{"type":"remove","key":"a","value":null}]"#,
        r#"{"a":[1]}"#,
        NONE,
    )]);
}

#[test]
fn a_member_that_the_operation_does_not_have_must_not_vanish() {
    let refused: &[(usize, &str)] = &[(0, "unknown_member")];
    for operation in [
        r#"{"type":"set","key":"a","value":1,"target":"parent"}"#,
        r#"{"type":"set","key":"a","vaule":1}"#,
        r#"{"type":"set","key":"a","value":1,"keep":1}"#,
        r#"{"type":"set","key":"a","value":1,"Value":1}"#,
        r#"{"type":"set","key":"a","value":1,"":1}"#,
        r#"{"type":"delete","key":"a","value":null}"#,
        r#"{"type":"delete","key":"a","keep":1}"#,
        r#"{"type":"update","key":"a","value":{}}"#,
        r#"{"type":"update","value":{},"keep":1}"#,
        r#"{"type":"merge","value":{},"keep":1}"#,
        r#"{"type":"append","key":"a","value":1,"max":1}"#,
        r#"{"type":"remove","key":"a","value":1,"keep":1}"#,
        r#"{"type":"increment","key":"a","by":1}"#,
        r#"{"type":"increment","key":"a","value":1,"keep":1}"#,
        // The name matters more than a key that is no path or a value that is wrong.
        r#"{"type":"update","value":1,"x":1}"#,
        r#"{"type":"set","key":"$.","value":1,"x":1}"#,
    ] {
        check(&[(
            r#"{"a":[1]}"#,
            &format!("[{operation}]"),
            r#"{"a":[1]}"#,
            refused,
        )]);
    }
}

#[test]
fn applying_never_changes_the_list() {
    // The value that the list sets is changed in the document, and must not change with it in the list.
    let list = r#"[{"type":"set","key":"a","value":{"n":0,"l":[]}},
                   {"type":"increment","key":"$.a.n","value":1},
                   {"type":"append","key":"$.a.l","value":[1]},
                   {"type":"append","key":"$.a.l.0","value":2}]"#;
    check(&[("{}", list, r#"{"a":{"l":[[1,2]],"n":1}}"#, NONE)]);
    // Applied to its own result, too.
    let list = parse_list(&json(list)).unwrap();
    let (first, _) = applied("{}", &list);
    let (second, skipped) = applied(&first.to_string(), &list);
    assert_eq!((second, skipped), (first, vec![]));
}

//! `update` and `merge`.

use super::{NONE, check};

#[test]
fn update_replaces_the_whole_object() {
    check(&[
        (
            r#"{"a":1,"b":2}"#,
            r#"[{"type":"update","value":{"c":3}}]"#,
            r#"{"c":3}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"update","value":{}}]"#,
            r#"{}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":1}}"#,
            r#"[{"type":"update","value":{"a":{"c":null}}}]"#,
            r#"{"a":{"c":null}}"#,
            NONE,
        ),
    ]);
}

#[test]
fn update_and_merge_without_a_key_take_an_object() {
    let refused: &[(usize, &str)] = &[(0, "bad_value")];
    for value in ["[1]", "\"x\"", "1", "true", "null"] {
        for name in ["update", "merge"] {
            let list = format!(r#"[{{"type":"{name}","value":{value}}}]"#);
            check(&[(r#"{"a":1}"#, &list, r#"{"a":1}"#, refused)]);
        }
    }
}

#[test]
fn merge_adds_members_and_replaces_those_of_the_same_name() {
    check(&[
        (
            r#"{"a":1}"#,
            r#"[{"type":"merge","value":{"b":2}}]"#,
            r#"{"a":1,"b":2}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"merge","value":{"a":[2]}}]"#,
            r#"{"a":[2]}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":1,"c":2}}"#,
            r#"[{"type":"merge","value":{"a":{"c":3,"d":4}}}]"#,
            r#"{"a":{"b":1,"c":3,"d":4}}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"merge","value":{}}]"#,
            r#"{"a":1}"#,
            NONE,
        ),
        // Names are members and never paths.
        (
            r#"{"a":{"b":1}}"#,
            r#"[{"type":"merge","value":{"$.a.b":2}}]"#,
            r#"{"$.a.b":2,"a":{"b":1}}"#,
            NONE,
        ),
    ]);
}

#[test]
fn null_in_a_patch_removes() {
    check(&[
        (
            r#"{"a":1,"b":2}"#,
            r#"[{"type":"merge","value":{"a":null}}]"#,
            r#"{"b":2}"#,
            NONE,
        ),
        (
            r#"{"b":2}"#,
            r#"[{"type":"merge","value":{"a":null}}]"#,
            r#"{"b":2}"#,
            NONE,
        ),
        (
            r#"{"a":{"b":1,"c":2}}"#,
            r#"[{"type":"merge","value":{"a":{"b":null}}}]"#,
            r#"{"a":{"c":2}}"#,
            NONE,
        ),
        // What is made anew gets no nulls either.
        (
            r#"{}"#,
            r#"[{"type":"merge","value":{"a":{"b":null}}}]"#,
            r#"{"a":{}}"#,
            NONE,
        ),
        // In an array a null is an element.
        (
            r#"{}"#,
            r#"[{"type":"merge","value":{"a":[null,{"b":null}]}}]"#,
            r#"{"a":[null,{"b":null}]}"#,
            NONE,
        ),
    ]);
}

#[test]
fn what_is_not_an_object_is_replaced_by_an_object_of_a_patch() {
    for old in ["1", "\"x\"", "[{\"b\":1}]", "null", "true"] {
        let document = format!(r#"{{"a":{old}}}"#);
        let list = r#"[{"type":"merge","value":{"a":{"b":{"c":1},"d":null}}}]"#;
        check(&[(&document, list, r#"{"a":{"b":{"c":1}}}"#, NONE)]);
    }
}

/// The table of RFC 7396, appendix A, whose first column is the member `target` here.
#[test]
fn merge_with_a_key_is_that_of_the_rfc() {
    for (original, patch, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
        (r#"[1,2]"#, r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        (
            r#"{}"#,
            r#"{"a":{"bb":{"ccc":null}}}"#,
            r#"{"a":{"bb":{}}}"#,
        ),
    ] {
        let document = format!(r#"{{"target":{original}}}"#);
        let list = format!(r#"[{{"type":"merge","key":"target","value":{patch}}}]"#);
        let expected = format!(r#"{{"target":{result}}}"#);
        check(&[(&document, &list, &expected, NONE)]);
    }
}

#[test]
fn merge_of_null_at_a_key_removes_it() {
    check(&[
        (
            r#"{"a":1,"b":2}"#,
            r#"[{"type":"merge","key":"a","value":null}]"#,
            r#"{"b":2}"#,
            NONE,
        ),
        (
            r#"{"a":[1,2]}"#,
            r#"[{"type":"merge","key":"$.a.0","value":null}]"#,
            r#"{"a":[2]}"#,
            NONE,
        ),
        (
            r#"{}"#,
            r#"[{"type":"merge","key":"$.a.b","value":null}]"#,
            r#"{}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"merge","key":"$.a.b","value":null}]"#,
            r#"{"a":1}"#,
            NONE,
        ),
    ]);
}

#[test]
fn merge_at_a_path_creates_what_is_missing() {
    check(&[
        (
            r#"{}"#,
            r#"[{"type":"merge","key":"$.a.b","value":{"c":1,"d":null}}]"#,
            r#"{"a":{"b":{"c":1}}}"#,
            NONE,
        ),
        (
            r#"{"a":[{"b":1}]}"#,
            r#"[{"type":"merge","key":"$.a.0","value":{"c":2}}]"#,
            r#"{"a":[{"b":1,"c":2}]}"#,
            NONE,
        ),
        (
            r#"{"a":[]}"#,
            r#"[{"type":"merge","key":"$.a.0","value":{"c":2}}]"#,
            r#"{"a":[{"c":2}]}"#,
            NONE,
        ),
        (
            r#"{"a":1}"#,
            r#"[{"type":"merge","key":"$.a.b","value":{"c":1}}]"#,
            r#"{"a":1}"#,
            &[(0, "not_a_container")],
        ),
    ]);
}

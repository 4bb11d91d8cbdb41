//! Shortening a list, on every document with the same result.

use super::{applied, json};
use runmeta_core::{Json, Operation, Shortened, parse_list};

/// Documents on which a list and the shortened one must do the same.
const DOCUMENTS: [&str; 8] = [
    "{}",
    r#"{"a":1,"b":2}"#,
    r#"{"a":{"b":1,"c":2},"b":[1]}"#,
    r#"{"a":[1,2,3],"b":null}"#,
    r#"{"a":{"b":[1,2]}}"#,
    r#"{"a":{"b":{"c":1}}}"#,
    r#"{"a":[{"b":1},{"b":2}]}"#,
    r#"{"a":"text","b":true}"#,
];

fn read(list: &str) -> Vec<Operation<Json>> {
    parse_list(&json(list))
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// Checks that a list is shortened to this one, and that both do the same.
fn shortens(list: &str, expected: &str) {
    let long = read(list);
    let short: Vec<_> = long
        .iter()
        .cloned()
        .collect::<Shortened<_>>()
        .into_iter()
        .collect();
    let written: Json = short.iter().map(Operation::to_json).collect();
    assert_eq!(written.to_string(), json(expected).to_string(), "{list}");

    let parsed = |list: Vec<_>| list.into_iter().map(Ok).collect::<Vec<_>>();
    let (long, short) = (parsed(long), parsed(short));
    for document in DOCUMENTS {
        assert_eq!(
            applied(document, &long).0,
            applied(document, &short).0,
            "{list} on {document}"
        );
    }
}

fn stays(list: &str) {
    shortens(list, list);
}

#[test]
fn neighbouring_increments_of_one_key_add_up() {
    shortens(
        r#"[{"type":"increment","key":"a","value":0.1},{"type":"increment","key":"a","value":0.2}]"#,
        r#"[{"type":"increment","key":"a","value":0.3}]"#,
    );
    // The first one's place is kept, and other keys between do not matter.
    shortens(
        r#"[{"type":"increment","key":"a","value":1},{"type":"set","key":"b","value":1},{"type":"increment","key":"a","value":2}]"#,
        r#"[{"type":"increment","key":"a","value":3},{"type":"set","key":"b","value":1}]"#,
    );
    shortens(
        r#"[{"type":"increment","key":"$.a.b","value":1},{"type":"increment","key":"$.a.c","value":1},{"type":"increment","key":"$.a.b","value":1}]"#,
        r#"[{"type":"increment","key":"$.a.b","value":2},{"type":"increment","key":"$.a.c","value":1}]"#,
    );
    // A sum of nothing is still a number where there was none.
    shortens(
        r#"[{"type":"increment","key":"a","value":1},{"type":"increment","key":"a","value":-1}]"#,
        r#"[{"type":"increment","key":"a","value":0}]"#,
    );
    // Two ways to write one place are two keys.
    stays(
        r#"[{"type":"increment","key":"a","value":1},{"type":"increment","key":"$.a","value":1}]"#,
    );
}

#[test]
fn increments_do_not_add_up_across_an_overlapping_path() {
    for between in [
        r#"{"type":"set","key":"a","value":{}}"#,
        r#"{"type":"append","key":"$.a.b","value":1}"#,
        r#"{"type":"set","key":"$.a.b.c","value":1}"#,
        r#"{"type":"delete","key":"a"}"#,
        r#"{"type":"merge","value":{"a":{"b":1}}}"#,
        r#"{"type":"merge","key":"a","value":{"b":1}}"#,
    ] {
        let one = r#"{"type":"increment","key":"$.a.b","value":1}"#;
        stays(&format!("[{one},{between},{one}]"));
    }
    let element = r#"{"type":"increment","key":"$.a.0","value":1}"#;
    stays(&format!(
        r#"[{element},{{"type":"delete","key":"$.a.-1"}},{element}]"#
    ));
    // What the document refuses, whether the increments come one by one or as a sum, is refused.
    stays(
        r#"[{"type":"increment","key":"a","value":9e131071},{"type":"increment","key":"a","value":9e131071},{"type":"set","key":"b","value":1}]"#,
    );
}

#[test]
fn a_set_makes_what_it_overwrites_needless() {
    let set = r#"{"type":"set","key":"a","value":7}"#;
    for needless in [
        r#"{"type":"set","key":"a","value":1}"#,
        r#"{"type":"delete","key":"a"}"#,
        r#"{"type":"append","key":"a","value":1}"#,
        r#"{"type":"append","key":"a","value":1,"keep":1}"#,
        r#"{"type":"remove","key":"a","value":1}"#,
        r#"{"type":"increment","key":"a","value":1}"#,
    ] {
        shortens(&format!("[{needless},{set}]"), &format!("[{set}]"));
        let other = r#"{"type":"set","key":"b","value":1}"#;
        shortens(
            &format!("[{needless},{other},{needless},{set}]"),
            &format!("[{other},{set}]"),
        );
        // Not when something between reads it.
        let merge = r#"{"type":"merge","value":{"a":{"x":1}}}"#;
        shortens(
            &format!("[{needless},{merge},{set}]"),
            &format!("[{needless},{merge},{set}]"),
        );
    }
    // By path: a set creates the same containers as the one before.
    shortens(
        r#"[{"type":"set","key":"$.a.b","value":1},{"type":"set","key":"$.a.b","value":2}]"#,
        r#"[{"type":"set","key":"$.a.b","value":2}]"#,
    );
}

#[test]
fn a_delete_makes_what_it_deletes_needless_if_that_creates_nothing_else() {
    let delete = r#"{"type":"delete","key":"a"}"#;
    for needless in [
        r#"{"type":"set","key":"a","value":1}"#,
        r#"{"type":"delete","key":"a"}"#,
        r#"{"type":"append","key":"a","value":1}"#,
        r#"{"type":"remove","key":"a","value":1}"#,
        r#"{"type":"increment","key":"a","value":1}"#,
    ] {
        shortens(&format!("[{needless},{delete}]"), &format!("[{delete}]"));
    }
    // By a path of several steps, sets, appends and increments create containers that a delete does not.
    let delete = r#"{"type":"delete","key":"$.a.b"}"#;
    for kept in [
        r#"{"type":"set","key":"$.a.b","value":1}"#,
        r#"{"type":"append","key":"$.a.b","value":1}"#,
        r#"{"type":"increment","key":"$.a.b","value":1}"#,
    ] {
        stays(&format!("[{kept},{delete}]"));
    }
    for needless in [
        r#"{"type":"delete","key":"$.a.b"}"#,
        r#"{"type":"remove","key":"$.a.b","value":1}"#,
    ] {
        shortens(&format!("[{needless},{delete}]"), &format!("[{delete}]"));
    }
}

#[test]
fn what_moves_with_its_neighbours_is_never_dropped() {
    stays(r#"[{"type":"delete","key":"$.a.0"},{"type":"delete","key":"$.a.0"}]"#);
    stays(r#"[{"type":"delete","key":"$.a.0"},{"type":"set","key":"$.a.0","value":1}]"#);
    stays(r#"[{"type":"set","key":"$.a.3","value":1},{"type":"set","key":"$.a.3","value":2}]"#);
    stays(r#"[{"type":"set","key":"$.a.-1.b","value":1},{"type":"delete","key":"$.a.-1.b"}]"#);
    // A first step is a name in an object, whatever it looks like.
    shortens(
        r#"[{"type":"set","key":"$.0","value":1},{"type":"set","key":"$.0","value":2}]"#,
        r#"[{"type":"set","key":"$.0","value":2}]"#,
    );
}

#[test]
fn merge_append_remove_and_increment_make_nothing_needless() {
    let before = r#"{"type":"set","key":"a","value":[1]}"#;
    for later in [
        r#"{"type":"merge","value":{"a":2}}"#,
        r#"{"type":"merge","key":"a","value":{"b":2}}"#,
        r#"{"type":"append","key":"a","value":1}"#,
        r#"{"type":"remove","key":"a","value":1}"#,
        r#"{"type":"increment","key":"a","value":1}"#,
    ] {
        stays(&format!("[{before},{later}]"));
        // Nor are they dropped for doing the same twice.
        if !later.contains("increment") {
            stays(&format!("[{later},{later}]"));
        }
    }
}

#[test]
fn an_update_makes_all_before_it_needless() {
    shortens(
        r#"[{"type":"set","key":"a","value":1},{"type":"merge","value":{"b":1}},{"type":"increment","key":"$.a.b","value":1},
            {"type":"update","value":{"c":1}},{"type":"set","key":"a","value":2}]"#,
        r#"[{"type":"update","value":{"c":1}},{"type":"set","key":"a","value":2}]"#,
    );
}

#[test]
fn operations_on_overlapping_paths_keep_their_order() {
    stays(
        r#"[{"type":"set","key":"$.a.b","value":1},{"type":"set","key":"a","value":2},{"type":"set","key":"$.a.b","value":3}]"#,
    );
    stays(
        r#"[{"type":"set","key":"a","value":1},{"type":"append","key":"$.a","value":2},{"type":"set","key":"a","value":3}]"#,
    );
    stays(
        r#"[{"type":"delete","key":"a"},{"type":"set","key":"$.a.b","value":1},{"type":"delete","key":"a"}]"#,
    );
}

#[test]
fn as_many_bounded_appends_stay_as_the_last_one_keeps() {
    let append =
        |value, keep| format!(r#"{{"type":"append","key":"a","value":{value},"keep":{keep}}}"#);
    let list = |appends: &[(i32, i32)]| {
        let appends = appends.iter().map(|(value, keep)| append(*value, *keep));
        format!("[{}]", appends.collect::<Vec<_>>().join(","))
    };
    shortens(&list(&[(1, 1), (2, 1)]), &list(&[(2, 1)]));
    shortens(
        &list(&[(1, 2), (2, 2), (3, 2), (4, 2)]),
        &list(&[(3, 2), (4, 2)]),
    );
    shortens(
        &list(&[(1, 9), (2, 9), (3, 9), (4, 2)]),
        &list(&[(3, 9), (4, 2)]),
    );
    // One that keeps more brings nothing back.
    shortens(&list(&[(1, 1), (2, 1), (3, 9)]), &list(&[(2, 1), (3, 9)]));
    stays(&list(&[(1, 3), (2, 3), (3, 3)]));
    // What the array held before may stay behind so few.
    let set = r#"{"type":"set","key":"a","value":[0]}"#;
    stays(&format!("[{set},{},{}]", append(1, 2), append(2, 3)));
    // Other paths between do not matter, and overlapping ones do.
    let (first, last) = (append(1, 1), append(2, 1));
    let other = r#"{"type":"increment","key":"b","value":1}"#;
    shortens(
        &format!("[{first},{other},{last}]"),
        &format!("[{last},{other}]"),
    );
    for between in [
        r#"{"type":"append","key":"a","value":0}"#,
        r#"{"type":"remove","key":"a","value":0}"#,
        r#"{"type":"set","key":"$.a.0","value":0}"#,
        r#"{"type":"merge","value":{"a":0}}"#,
    ] {
        stays(&format!("[{first},{between},{last}]"));
    }
}

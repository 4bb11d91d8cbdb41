//! Documents nest at most 100 levels.

use super::{Case, NONE, check};

/// Nests 1 in so many arrays.
fn arrays(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

fn objects(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

/// Checks that a list with this operation is taken, and gives `expected`, or that it is refused.
fn taken(document: &str, operation: &str, expected: Option<&str>) {
    let list = format!("[{operation}]");
    let refused: &[(usize, &str)] = &[(0, "bad_value")];
    let case: Case<'_> = match expected {
        Some(expected) => (document, &list, expected, NONE),
        None => (document, &list, document, refused),
    };
    check(&[case]);
}

#[test]
fn a_value_may_fill_the_levels_that_its_key_leaves() {
    for inner in [arrays, objects] {
        let set = |key: &str, levels| {
            format!(
                r#"{{"type":"set","key":"{key}","value":{}}}"#,
                inner(levels)
            )
        };
        taken(
            "{}",
            &set("a", 99),
            Some(&format!(r#"{{"a":{}}}"#, inner(99))),
        );
        taken("{}", &set("a", 100), None);
        taken(
            "{}",
            &set("$.a.b", 98),
            Some(&format!(r#"{{"a":{{"b":{}}}}}"#, inner(98))),
        );
        taken("{}", &set("$.a.b", 99), None);
        let merge = |levels| format!(r#"{{"type":"merge","key":"a","value":{}}}"#, inner(levels));
        taken("{}", &merge(99), Some(&format!(r#"{{"a":{}}}"#, inner(99))));
        taken("{}", &merge(100), None);
    }
    for name in ["update", "merge"] {
        let whole = |levels| format!(r#"{{"type":"{name}","value":{}}}"#, objects(levels));
        taken("{}", &whole(100), Some(&objects(100)));
        taken("{}", &whole(101), None);
    }
}

#[test]
fn an_array_that_append_makes_is_a_level() {
    let append = |levels| {
        format!(
            r#"{{"type":"append","key":"a","value":{}}}"#,
            arrays(levels)
        )
    };
    taken(
        "{}",
        &append(98),
        Some(&format!(r#"{{"a":[{}]}}"#, arrays(98))),
    );
    taken("{}", &append(99), None);
    // The old value moves one level down.
    let document = |levels| format!(r#"{{"a":{}}}"#, objects(levels));
    let moved = format!(r#"{{"a":[{},1]}}"#, objects(98));
    taken(
        &document(98),
        r#"{"type":"append","key":"a","value":1}"#,
        Some(&moved),
    );
    taken(
        &document(99),
        r#"{"type":"append","key":"a","value":1}"#,
        None,
    );
    let deep = |steps| {
        format!(
            r#"{{"type":"append","key":"${}","value":1}}"#,
            ".a".repeat(steps)
        )
    };
    taken("{}", &deep(99), Some(&objects(99).replace('1', "[1]")));
    taken("{}", &deep(100), None);
}

#[test]
fn a_value_that_nests_deeper_than_documents_can_is_not_compared() {
    let remove = |levels| {
        format!(
            r#"{{"type":"remove","key":"a","value":{}}}"#,
            arrays(levels)
        )
    };
    let document = format!(r#"{{"a":[2,{}]}}"#, arrays(98));
    taken(&document, &remove(98), Some(r#"{"a":[2]}"#));
    taken(&document, &remove(100), Some(&document));
    taken(&document, &remove(101), None);
}

#[test]
fn an_old_value_that_does_not_stay_may_nest_as_deep_as_it_likes() {
    let append = |keep| format!(r#"{{"type":"append","key":"a","value":1,"keep":{keep}}}"#);
    let document = format!(r#"{{"a":{}}}"#, objects(99));
    taken(&document, &append(1), Some(r#"{"a":[1]}"#));
    taken(&document, &append(2), None);
}

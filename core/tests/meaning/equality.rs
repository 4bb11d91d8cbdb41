//! Deep equality, as `remove` uses it.

use super::{NONE, check, json};

/// Checks whether `remove` of `value` takes `element` out of an array, either way round.
fn equal(element: &str, value: &str, equal: bool) {
    for (element, value) in [(element, value), (value, element)] {
        let document = format!(r#"{{"a":["before",{element},"behind"]}}"#);
        let list = format!(r#"[{{"type":"remove","key":"a","value":{value}}}]"#);
        let left = r#"{"a":["before","behind"]}"#;
        check(&[(&document, &list, if equal { left } else { &document }, NONE)]);
    }
}

#[test]
fn values_of_different_kinds_are_different() {
    let kinds = [
        "null", "false", "true", "0", "1", "\"\"", "\"1\"", "\"null\"", "[]", "{}",
    ];
    for (position, left) in kinds.iter().enumerate() {
        for (other, right) in kinds.iter().enumerate() {
            equal(left, right, position == other);
        }
    }
}

#[test]
fn numbers_are_equal_by_value() {
    for (left, right) in [
        ("1", "1.0"),
        ("1", "1.000"),
        ("100", "1e2"),
        ("100", "1E+2"),
        ("100", "0.1e3"),
        ("0.01", "1e-2"),
        ("0", "-0"),
        ("0", "0.00"),
        ("0", "0e10"),
        ("-1.50", "-15e-1"),
        ("1e400", "10e399"),
        ("12345678901234567890.10", "12345678901234567890.1"),
    ] {
        equal(left, right, true);
    }
    for (left, right) in [
        ("1", "-1"),
        ("1", "10"),
        ("1", "1.1"),
        ("0.1", "0.01"),
        ("1e2", "1e3"),
        ("1e2", "-1e2"),
        ("1e400", "1e401"),
        // They are the same double.
        ("9007199254740993", "9007199254740992"),
        ("0.1", "0.1000000000000000055"),
        ("0", "1e-400"),
    ] {
        equal(left, right, false);
    }
}

#[test]
fn strings_are_equal_by_code_points() {
    equal(r#""a""#, r#""\u0061""#, true);
    equal(r#""🙂""#, r#""\ud83d\ude42""#, true);
    equal(r#""a""#, r#""A""#, false);
    equal(r#""a""#, r#""a ""#, false);
    // One character for the eye, but two code points against one.
    equal(r#""é""#, r#""e\u0301""#, false);
}

#[test]
fn objects_are_equal_without_regard_to_the_order_of_keys() {
    equal(
        r#"{"a":1,"b":{"c":2,"d":3}}"#,
        r#"{"b":{"d":3,"c":2},"a":1.0}"#,
        true,
    );
    equal(r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false);
    equal(r#"{"a":1}"#, r#"{"b":1}"#, false);
    equal(r#"{"a":1}"#, r#"{"a":2}"#, false);
    equal(r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, false);
}

#[test]
fn parts_deeper_than_documents_are_different() {
    let nested = |open: &str, close: &str, levels| {
        json(&format!("{}1{}", open.repeat(levels), close.repeat(levels)))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for (levels, equal) in [(100, true), (101, false)] {
            let value = nested(open, close, levels);
            assert_eq!(value.same_value(&value), equal, "{levels}");
        }
    }
}

#[test]
fn arrays_are_equal_element_by_element() {
    equal("[1,[2,{\"a\":[]}]]", "[1.0,[2,{\"a\":[]}]]", true);
    equal("[1,2]", "[2,1]", false);
    equal("[1]", "[1,1]", false);
    equal("[[1]]", "[[2]]", false);
    equal("[]", "[[]]", false);
}

//! Reading the value at a key.

use runmeta_core::Key;

use super::json;

#[test]
fn get_finds_what_set_would_replace_and_nothing_elsewhere() {
    let document = json(r#"{"a":{"b":[1,{"c":null}],"0":"zero"},"":2,"$":3,"a.b":4}"#);
    for (key, expected) in [
        ("a.b", Some("4")),
        ("", Some("2")),
        ("$", Some("3")),
        ("b", None),
        ("$.a.b", Some(r#"[1,{"c":null}]"#)),
        ("$.a.b.0", Some("1")),
        ("$.a.b[-1]", Some(r#"{"c":null}"#)),
        ("$.a.b[1].c", Some("null")),
        ("$.a.0", Some(r#""zero""#)),
        ("$.a[0]", Some(r#""zero""#)),
        // Where an element would be added there is none yet.
        ("$.a.b.2", None),
        ("$.a.b.-3", None),
        ("$.a.b.c", None),
        ("$.a.b.0.c", None),
        ("$.a.b[1].d", None),
        ("$.a.b[1].c.d", None),
        ("$.b.a", None),
    ] {
        let found = document.lookup(&Key::parse(key).unwrap());
        assert_eq!(found, expected.map(json).as_ref(), "{key}");
    }
}

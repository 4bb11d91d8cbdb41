//! What a document shows, and the memory that it takes.

use allocation_counter::measure;
use proptest::prelude::*;
use runmeta_core::parse_list;

use super::*;

#[path = "../../../../core/tests/generate/mod.rs"]
#[allow(dead_code, missing_docs)]
mod generate;

fn document(text: &str) -> Document {
    Document::new(text, 1).unwrap()
}

fn operations(list: &str) -> Vec<Operation<Json>> {
    let list = parse_list(&Json::parse(list).unwrap()).unwrap();
    list.into_iter().map(Result::unwrap).collect()
}

fn waiting(operations: &[Operation<Json>]) -> impl Iterator<Item = Cow<'_, Operation<Json>>> {
    operations.iter().map(Cow::Borrowed)
}

fn at(document: &mut Document, key: &str) -> Option<String> {
    document.text_at(&Key::parse(key).unwrap(), [])
}

fn at_with(document: &mut Document, key: &str, list: &str) -> Option<String> {
    document.text_at(&Key::parse(key).unwrap(), waiting(&operations(list)))
}

const FIRST: Effect = Effect::Applied { version: Some(2) };

#[test]
fn what_no_operation_touches_stays_as_the_server_wrote_it() {
    let mut document = document(r#"{"n": 1, "a b": [1.50, {"x": 1e400}], "\"\\u00e9": "\u00e9"}"#);
    assert_eq!(at(&mut document, "a b").unwrap(), r#"[1.50, {"x": 1e400}]"#);
    assert_eq!(at(&mut document, r#"$.["a b"][-1].x"#).unwrap(), "1e400");
    assert_eq!(at(&mut document, "\"\\u00e9").unwrap(), r#""\u00e9""#);
    assert_eq!(at(&mut document, "missing"), None);
    document.sent(&operations(r#"[{"type":"increment","key":"n"}]"#), FIRST);
    assert_eq!(
        document.text([]),
        r#"{"n":2,"a b": [1.50, {"x": 1e400}], "\"\\u00e9": "\u00e9"}"#
    );
}

#[test]
fn reads_show_what_waits() {
    let mut document = document(r#"{"n": 1, "log": ["x"], "deep": {"a": [1]}}"#);
    let list = r#"[
        {"type":"increment","key":"n","value":0.5},
        {"type":"append","key":"log","value":{"y":[2]}},
        {"type":"set","key":"$.deep.a.1","value":2},
        {"type":"set","key":"$.deep.b","value":"b"},
        {"type":"set","key":"new","value":null}
    ]"#;
    let mut shown = |key| at_with(&mut document, key, list);
    assert_eq!(shown("n").unwrap(), "1.5");
    assert_eq!(shown("log").unwrap(), r#"["x",{"y":[2]}]"#);
    assert_eq!(shown("$.log[0]").unwrap(), r#""x""#);
    assert_eq!(shown("$.log[-1].y.0").unwrap(), "2");
    assert_eq!(shown("$.deep.a").unwrap(), "[1,2]");
    assert_eq!(shown("new").unwrap(), "null");
    assert_eq!(shown("$.log[2]"), None);
    assert_eq!(shown("$.n.x"), None);
    assert_eq!(
        document.text(waiting(&operations(list))),
        r#"{"n":1.5,"log":["x",{"y":[2]}],"new":null,"deep":{"a":[1,2],"b":"b"}}"#
    );
    assert_eq!(
        document.text([]),
        r#"{"n": 1, "log": ["x"], "deep": {"a": [1]}}"#
    );
}

#[test]
fn a_replaced_document_has_only_the_new_members() {
    let mut document = document(r#"{"a": 1, "b": {"c": 2}}"#);
    let list = r#"[{"type":"update","value":{"b":{"d":3}}},{"type":"merge","value":{"e":4}}]"#;
    assert_eq!(at_with(&mut document, "a", list), None);
    assert_eq!(at_with(&mut document, "$.b.c", list), None);
    assert_eq!(at_with(&mut document, "$.b.d", list).unwrap(), "3");
    document.sent(&operations(list), FIRST);
    assert_eq!(document.text([]), r#"{"b":{"d":3},"e":4}"#);
}

#[test]
fn members_in_any_order_are_put_in_order_and_the_last_of_a_name_counts() {
    let mut document = document("{\"bb\":1,\n\"a\":2, \"a\":3,\"\\u0062b\":4}");
    assert_eq!(at(&mut document, "bb").unwrap(), "4");
    assert_eq!(document.text([]), r#"{"a":3,"bb":4}"#);
}

#[test]
fn a_text_that_is_no_object_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "[1]",
        "1",
        "{",
        r#"{"a":1"#,
        r#"{"a":1}x"#,
        "{a:1}",
    ] {
        assert!(Document::new(text, 1).is_err(), "{text}");
    }
}

#[test]
fn members_that_nest_however_deep_are_kept_and_others_change() {
    let deep = "[".repeat(14_000) + "{\"x\":1}" + &"]".repeat(14_000);
    let mut document = document(&format!(r#"{{"n": 1, "deep": {deep}}}"#));
    let list = operations(
        r#"[{"type":"increment","key":"n"}, {"type":"remove","key":"deep","value":[1]},
            {"type":"append","key":"deep","value":2}, {"type":"set","key":"$.deep.0.1","value":3}]"#,
    );
    assert_eq!(
        document
            .text_at(&Key::parse("n").unwrap(), waiting(&list))
            .unwrap(),
        "2"
    );
    document.sent(&list, FIRST);
    assert_eq!(at(&mut document, "n").unwrap(), "2");
    let inner = deep.strip_prefix("[[").unwrap().strip_suffix("]]").unwrap();
    assert_eq!(
        at(&mut document, "deep").unwrap(),
        format!("[[{inner},3],2]")
    );
}

#[test]
fn an_expected_version_needs_no_read_and_any_other_does_if_somebody_reads() {
    let list = operations(r#"[{"type":"increment","key":"n"}]"#);
    let cases = [
        (Effect::Applied { version: Some(6) }, 6, false),
        (Effect::Applied { version: Some(7) }, 7, true),
        (Effect::Applied { version: None }, 5, true),
        (Effect::Unchanged { version: Some(5) }, 5, false),
        (Effect::Unchanged { version: Some(6) }, 6, true),
        (Effect::Unapplied, 5, false),
    ];
    for (effect, version, outdated) in cases {
        let mut document = Document::new("{}", 5).unwrap();
        document.sent(&list, effect);
        assert_eq!(document.version(), version, "{effect:?}");
        assert!(!document.is_outdated(), "{effect:?}");
        let shown = at(&mut document, "n");
        assert_eq!(
            shown.is_some(),
            matches!(effect, Effect::Applied { .. }),
            "{effect:?}"
        );
        assert_eq!(document.is_outdated(), outdated, "{effect:?}");
    }
}

#[test]
fn a_stale_document_is_outdated_once_much_was_applied_to_it() {
    let mut document = document("{}");
    let list = [Operation::Set {
        key: Key::parse("text").unwrap(),
        value: Json::from("x".repeat(DRIFT / 2)),
    }];
    document.sent(&list, Effect::Applied { version: None });
    assert!(!document.is_outdated());
    document.sent(&list, Effect::Applied { version: None });
    assert!(document.is_outdated());
}

/// A text as Postgres writes JSONB: with blanks.
fn spaced(members: impl Iterator<Item = (String, String)>) -> String {
    let members: Vec<_> = members
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

#[test]
fn a_document_takes_at_most_4_times_its_json() {
    let list = |element: &str, count: usize| format!("[{}]", vec![element; count].join(", "));
    let one = |value| spaced([("list".to_owned(), value)].into_iter());
    let names = |count| (0..count).map(|at: usize| format!("{at:x}"));
    let shapes = [
        ("numbers of one digit", one(list("1", 130_000))),
        ("numbers of five digits", one(list("12345", 43_000))),
        ("empty texts", one(list("\"\"", 87_000))),
        (
            "log lines",
            one(list(&format!("\"{}\"", "x".repeat(60)), 4_000)),
        ),
        ("empty objects", one(list("{}", 87_000))),
        ("objects", one(list(r#"{"a": 1}"#, 32_000))),
        (
            "members of one letter",
            spaced(
                ('A'..='z')
                    .filter(|name| *name != '\\')
                    .map(|name| (name.into(), "1".into())),
            ),
        ),
        (
            "small members",
            spaced(names(30_000).map(|name| (name, "1".into()))),
        ),
        (
            "empty members",
            spaced(names(30_000).map(|name| (name, "{}".into()))),
        ),
        ("nested", one("[".repeat(130_000) + &"]".repeat(130_000))),
        ("one text", one(format!("\"{}\"", "\\u0001".repeat(43_000)))),
    ];
    for (shape, text) in shapes {
        let compact = text.replace(' ', "").len();
        let mut kept = None;
        let taken = measure(|| kept = Some(document(&text))).bytes_current;
        let taken = usize::try_from(taken).unwrap();
        println!(
            "{shape}: {taken} bytes, {:.2} times {compact}",
            taken as f64 / compact as f64
        );
        assert!(taken <= 4 * compact, "{shape}: {taken} bytes for {compact}");

        // It takes no more after it was read and changed.
        let mut kept = kept.unwrap();
        let after = measure(|| {
            at(&mut kept, "list");
            kept.sent(&operations(r#"[{"type":"increment","key":"n"}]"#), FIRST);
            at(&mut kept, "n");
        });
        assert!(after.bytes_current <= 64, "{shape}: {after:?}");
    }
}

/// Writes a value with blanks wherever JSON allows them.
fn spread(value: &Json) -> String {
    match value {
        Json::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(spread).collect();
            format!("[ {} ]", elements.join(" , "))
        }
        Json::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| format!("{} : {}", Json::from(name), spread(value)));
            format!("{{ {}\n}}", members.collect::<Vec<_>>().join(" ,\t"))
        }
        other => other.to_string(),
    }
}

fn lists() -> impl Strategy<Value = Vec<Vec<Operation<Json>>>> {
    let list = generate::operations().prop_map(|list| {
        let list = parse_list(&list).unwrap_or_default();
        list.into_iter().flatten().collect()
    });
    proptest::collection::vec(list, 0..4)
}

proptest! {
    #[test]
    fn reads_equal_what_core_makes_of_the_whole_document(
        base in generate::document(),
        with_blanks in any::<bool>(),
        sent in lists(),
        recorded in lists(),
        keys in proptest::collection::vec(generate::key(), 0..6),
    ) {
        let mut expected = base;
        let text = if with_blanks { spread(&expected) } else { expected.to_string() };
        let mut document = document(&text);
        let parsed = |list: &[Operation<Json>]| list.iter().cloned().map(Ok).collect::<Vec<_>>();
        for list in &sent {
            let unapplied = apply(&mut expected, &parsed(list));
            let borrowed: Vec<_> = list.iter().map(|one| Ok(borrowed(one))).collect();
            prop_assert_eq!(apply(&mut document.with([]), &borrowed), unapplied);
            document.sent(list, FIRST);
            prop_assert_eq!(&Json::parse(&document.text([])).unwrap(), &expected);
            prop_assert_eq!(&document.spans[..], index::spans(&document.text).unwrap());
            prop_assert!(index::is_in_order(&document.text, &document.spans));
        }
        let recorded = recorded.concat();
        apply(&mut expected, &parsed(&recorded));
        let shown = document.text(waiting(&recorded));
        prop_assert_eq!(&Json::parse(&shown).unwrap(), &expected);
        let used = recorded.iter().filter_map(Operation::key).cloned();
        for key in keys.iter().filter_map(|key| Key::parse(key).ok()).chain(used) {
            let shown = document.text_at(&key, waiting(&recorded));
            let shown = shown.map(|text| Json::parse(&text).unwrap());
            prop_assert_eq!(shown.as_ref(), expected.lookup(&key), "{}", key.as_str());
        }
    }

    #[test]
    fn a_text_that_is_cut_or_changed_somewhere_is_no_reason_to_panic(
        base in generate::document(),
        at in any::<prop::sample::Index>(),
        with in "[\\[\\]{}\",:\\\\ 1n]{0,2}",
        list in lists(),
        key in generate::key(),
    ) {
        let mut text: Vec<_> = base.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, with.chars());
        if let Ok(mut document) = Document::new(String::from_iter(text), 1) {
            let list = list.concat();
            if let Ok(key) = Key::parse(&key) {
                document.text_at(&key, waiting(&list));
            }
            document.sent(&list, FIRST);
            document.text([]);
        }
    }
}

//! The extension, which works on JSONB, does the same on any document with any list as `core`, which works on JSON values,
//! and as two that share no code with them: a second reading of the page of meanings, and Postgres' own functions.
//!
//! Each run draws new documents. A failure prints the seed, and `RUNMETA_SEED` draws the same ones again.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use runmeta_core::{Json, Key, Members, Operation, apply, parse_list};
use serde::Deserialize;
use tokio_postgres::{Client, Row};

use crate::harness::{Database, seeded};

mod postgres;

#[path = "../../../core/tests/generate/mod.rs"]
mod generate;
#[path = "../../../core/tests/reading/mod.rs"]
mod reading;

/// An operation that the extension skipped.
#[derive(Deserialize)]
struct Skipped {
    index: usize,
    reason: String,
}

/// A document and a list of operations.
type Pair = (Json, Json);

/// `record_image_eq` compares byte by byte: what the extension writes is what Postgres itself makes of the same text, to the
/// last bit of padding. Looking up every member and element exercises the offsets that stand at each 32nd of them.
const ASK: &str = r"
    SELECT r.result::text, runmeta.unapplied_operations(p.document, p.operations)::text,
        runmeta.size(p.document), runmeta.size(r.result),
        record_image_eq(ROW(p.document, p.operations), ROW(t.document::jsonb, t.operations::jsonb)) AS arguments_are_unchanged,
        record_image_eq(ROW(r.result), ROW(r.result::text::jsonb)) AS bytes_are_those_of_postgres,
        r.result = r.result::text::jsonb AND r.result @> r.result
            AND jsonb_hash(r.result) = jsonb_hash(r.result::text::jsonb) AS compares_and_hashes,
        NOT EXISTS (
            SELECT FROM jsonb_each(r.result) AS m
            WHERE r.result -> m.key IS DISTINCT FROM m.value OR NOT r.result ? m.key
        ) AS members_are_found,
        NOT EXISTS (
            SELECT FROM jsonb_each(r.result) AS m
            CROSS JOIN jsonb_array_elements(CASE jsonb_typeof(m.value) WHEN 'array' THEN m.value ELSE '[]' END)
                WITH ORDINALITY AS e (value, position)
            WHERE m.value -> (e.position - 1)::int IS DISTINCT FROM e.value
        ) AS elements_are_found
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (document, operations, position)
    CROSS JOIN LATERAL (
        SELECT t.document::jsonb, t.operations::jsonb OFFSET 0
    ) AS p (document, operations)
    CROSS JOIN LATERAL (
        SELECT runmeta.apply_operations(p.document, p.operations) OFFSET 0
    ) AS r (result)
    ORDER BY t.position";

async fn assert_agreement(client: &Client, seed: u64, pairs: &[Pair]) {
    let texts = |text: fn(&Pair) -> String| pairs.iter().map(text).collect::<Vec<_>>();
    let documents = texts(|(document, _)| document.to_string());
    let operations = texts(|(_, operations)| operations.to_string());
    let rows = client.query(ASK, &[&documents, &operations]).await.unwrap();
    assert_eq!(rows.len(), pairs.len());
    for (row, pair) in rows.iter().zip(pairs) {
        if let Err(difference) = agree(row, pair) {
            let (document, operations) = pair;
            panic!(
                "{difference}\nRUNMETA_SEED={seed}\ndocument: {document}\noperations: {operations}"
            );
        }
    }
}

fn agree(row: &Row, (document, operations): &Pair) -> Result<(), String> {
    let mut expected = document.clone();
    let unapplied: Vec<(usize, &str)> = apply(&mut expected, &parse_list(operations).unwrap())
        .iter()
        .map(|skipped| (skipped.index, skipped.reason.code()))
        .collect();
    let mut read_again = document.clone();
    let unapplied_again = reading::apply(&mut read_again, operations.as_array().unwrap());

    let result = Json::parse(row.get(0)).unwrap();
    let reported: Vec<Skipped> = serde_json::from_str(row.get(1)).unwrap();
    let reported: Vec<(usize, &str)> = reported
        .iter()
        .map(|one| (one.index, &*one.reason))
        .collect();
    for (by, expected, same) in [
        (
            "core",
            &expected,
            Json::same_value as fn(&Json, &Json) -> bool,
        ),
        ("a second reading", &read_again, reading::same),
    ] {
        if !same(&result, expected) {
            return Err(format!("{result}\nis not what {by} expects: {expected}"));
        }
    }
    for (by, unapplied) in [("core", unapplied), ("a second reading", unapplied_again)] {
        if reported != unapplied {
            return Err(format!(
                "unapplied are {reported:?}\nand not, by {by}, {unapplied:?}"
            ));
        }
    }
    let sizes = (row.get::<_, i32>(2), row.get::<_, i32>(3));
    let expected_sizes = (document.size() as i32, expected.size() as i32);
    // A number that came out by addition may have zeros at its end that core has too, so sizes are the same and not near.
    // Postgres writes numbers without an exponent, so the size of a result is the length of what it wrote, without blanks.
    if sizes != expected_sizes || result.to_string().len() as i32 != sizes.1 {
        return Err(format!("sizes are {sizes:?} and not {expected_sizes:?}"));
    }
    for column in 4..row.len() {
        if !row.get::<_, bool>(column) {
            return Err(format!("not so: {}", row.columns()[column].name()));
        }
    }
    Ok(())
}

struct Source {
    seed: u64,
    runner: TestRunner,
}

impl Source {
    fn new() -> Self {
        let (seed, runner) = seeded();
        Self { seed, runner }
    }

    fn draw<T>(&mut self, strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
        let mut draw = || strategy.new_tree(&mut self.runner).unwrap().current();
        (0..count).map(|_| draw()).collect()
    }
}

#[tokio::test]
async fn extension_and_core_agree_on_generated_documents() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut source = Source::new();
    let strategy = (generate::document(), generate::operations());
    for _ in 0..16 {
        let pairs = source.draw(&strategy, 500);
        assert_agreement(&client, source.seed, &pairs).await;
    }
}

/// Documents beyond the first offset of 32, of many kilobytes, and near the limit of nesting.
fn large() -> impl Strategy<Value = Pair> {
    use proptest::collection::vec;
    use proptest::prelude::*;

    let member = (0u32..150).prop_map(|number| format!("member {number}"));
    let wide = vec((member, generate::value()), 33..160).prop_map(Members::from_iter);
    let list = prop_oneof![
        vec(generate::value(), 900..1200),
        vec((0i64..40).prop_map(Json::from), 31..70),
    ]
    .prop_map(Json::from);
    let text = prop_oneof!["[a-z\u{1}é🙂\"]{3000,6000}", "[ -~]{0,200}"].prop_map(Json::from);
    let deep = (85usize..97).prop_map(|levels| {
        let bottom = Json::from([("bottom", Json::from(vec![Json::from(1)]))]);
        (0..levels).fold(bottom, |inner, level| match level % 2 == 0 {
            true => Json::from([("a", inner), ("b", level.into())]),
            false => Json::from(vec![Json::from(level), inner]),
        })
    });
    let document = (wide, list, text, deep, generate::document()).prop_map(
        |(wide, list, text, deep, rest)| {
            let mut document: Members = wide;
            let rest = rest.as_object().cloned().unwrap_or_default();
            for (name, value) in rest.iter() {
                document.insert(name, value.clone());
            }
            document.insert("list", list);
            document.insert("text", text);
            document.insert("deep", deep);
            Json::Object(document)
        },
    );

    let key = prop_oneof![
        (0u32..160).prop_map(|number| format!("member {number}")),
        (0u32..160).prop_map(|number| format!("$.[\"member {number}\"].a")),
        (-1300i32..1300).prop_map(|position| format!("$.list.{position}")),
        (0u32..50).prop_map(|position| format!("$.list[{position}].c")),
        Just("list".to_owned()),
        Just("text".to_owned()),
        (0usize..50).prop_map(|times| format!("$.deep{}.b", ".a[1]".repeat(times))),
        (0usize..50).prop_map(|times| format!("$.deep{}", ".1.a".repeat(times))),
    ];
    let operation =
        (key, generate::operation(), generate::value()).prop_map(|(key, mut operation, value)| {
            let name = operation.get("type").and_then(Json::as_str);
            let name = name.map(str::to_owned);
            match (name.as_deref(), operation.as_object_mut()) {
                (Some("merge"), _) => {}
                (Some("update"), _) => {
                    operation =
                        generate::operation_of("set", [("key", key.into()), ("value", value)]);
                }
                (_, Some(members)) => drop(members.insert("key", key.into())),
                _ => {}
            }
            operation
        });
    (document, vec(operation, 0..20).prop_map(Json::from))
}

#[tokio::test]
async fn extension_and_core_agree_on_large_documents() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut source = Source::new();
    let pairs = source.draw(&large(), 100);
    assert_agreement(&client, source.seed, &pairs).await;
}

#[tokio::test]
async fn extension_and_core_agree_on_numbers_at_their_limits() {
    let database = Database::new().await;
    let client = database.connect().await;
    let numbers = [
        "0",
        "-0",
        "0.000",
        "1e400",
        "-1e-400",
        "1e10000",
        "9e131071",
        "-9.5e131071",
        "1e-16383",
        "1.000",
        "9999",
        "10000",
        "0.0001",
        "99999999.99999999",
        "1234567890123456789012345678901234567890.0123456789",
        "1e131072",
        "1e-16384",
    ];
    let parse = |text: &str| Json::parse(text).unwrap();
    let mut pairs = Vec::new();
    for left in &numbers[..15] {
        for right in &numbers[..15] {
            let operations = format!(
                r#"[{{"type": "increment", "key": "n", "value": {right}}}, {{"type": "append", "key": "list", "value": {left}}},
                    {{"type": "remove", "key": "list", "value": {right}}}, {{"type": "increment", "key": "$.new.n", "value": {right}}}]"#
            );
            let document = format!(r#"{{"n": {left}, "list": [{left}, 1]}}"#);
            pairs.push((parse(&document), parse(&operations)));
        }
    }
    assert_agreement(&client, 0, &pairs).await;
}

/// Numbers on both sides of each limit that Postgres has: digits before the point, digits behind it, and the exponent.
fn number_text() -> impl Strategy<Value = String> {
    use proptest::prelude::*;

    let whole = prop_oneof![
        2 => Just("0".to_owned()),
        4 => "[1-9][0-9]{0,3}",
        1 => (131_060usize..131_080).prop_map(|zeros| format!("9{}", "0".repeat(zeros))),
    ];
    let fraction = prop_oneof![
        3 => Just(String::new()),
        3 => r"\.[0-9]{1,4}",
        2 => (16_375usize..16_390, 0u8..2).prop_map(|(zeros, last)| format!(".{}{last}", "0".repeat(zeros))),
    ];
    let near = |limit: i64| (limit - 5..limit + 5, any::<bool>());
    let exponent = prop_oneof![
        near(0),
        near(16_383),
        near(114_689),
        near(131_072),
        near(147_455),
        near(1_073_741_823),
        near(2_147_483_648),
        near(99_999_999_999),
    ];
    let exponent = prop_oneof![
        2 => Just(String::new()),
        5 => exponent.prop_map(|(exponent, negative)| format!("e{}", if negative { -exponent } else { exponent })),
    ];
    (any::<bool>(), whole, fraction, exponent).prop_map(|(negative, whole, fraction, exponent)| {
        let sign = if negative { "-" } else { "" };
        format!("{sign}{whole}{fraction}{exponent}")
    })
}

#[tokio::test]
async fn core_takes_the_numbers_that_postgres_takes() {
    let database = Database::new().await;
    let client = database.connect().await;
    let reads = "CREATE FUNCTION pg_temp.reads(number text) RETURNS bool LANGUAGE plpgsql AS
        $$BEGIN RETURN number::jsonb IS NOT NULL; EXCEPTION WHEN OTHERS THEN RETURN false; END$$";
    client.batch_execute(reads).await.unwrap();
    let mut source = Source::new();
    let texts = source.draw(&number_text(), 2000);
    let ask = "SELECT pg_temp.reads(number) FROM unnest($1::text[]) WITH ORDINALITY AS t (number, position) ORDER BY position";
    let rows = client.query(ask, &[&texts]).await.unwrap();
    for (row, text) in rows.iter().zip(&texts) {
        let value = Json::parse(text).unwrap();
        let set = generate::operation_of("set", [("key", "n".into()), ("value", value)]);
        let (ours, theirs) = (Operation::parse(&set).is_ok(), row.get::<_, bool>(0));
        // The last exponent of all is taken from Postgres 16 on, and by none before.
        if ours != theirs && !(theirs && text.ends_with("1073741823")) {
            let (start, end) = (
                &text[..text.len().min(20)],
                &text[text.len().saturating_sub(20)..],
            );
            let (seed, length) = (source.seed, text.len());
            panic!(
                "core: {ours}, Postgres: {theirs}, {start} … {end} of {length} bytes\nRUNMETA_SEED={seed}"
            );
        }
    }
    let taken = rows.iter().filter(|row| row.get(0)).count();
    assert!((200..1800).contains(&taken), "{taken} of 2000 are taken");
}

#[tokio::test]
async fn extension_and_core_find_the_same_value_at_a_key() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut source = Source::new();
    let draw = (generate::document(), generate::key());
    let looked_up: Vec<(Json, String)> = source.draw(&draw, 4000);
    let looked_up = looked_up
        .into_iter()
        .filter(|(_, key)| Key::parse(key).is_ok());
    let (documents, keys): (Vec<Json>, Vec<String>) = looked_up.unzip();
    let texts: Vec<String> = documents.iter().map(Json::to_string).collect();
    let ask =
        "SELECT runmeta._value_at(document::jsonb, key)::text FROM unnest($1::text[], $2::text[])
        WITH ORDINALITY AS t (document, key, position) ORDER BY position";
    let rows = client.query(ask, &[&texts, &keys]).await.unwrap();
    let mut found = 0;
    for ((row, document), key) in rows.iter().zip(&documents).zip(&keys) {
        let told: Option<&str> = row.get(0);
        let told = told.map(|text| Json::parse(text).unwrap());
        let expected = document.lookup(&Key::parse(key).unwrap());
        let same = match (&told, expected) {
            (Some(told), Some(expected)) => told.same_value(expected),
            (None, None) => true,
            _ => false,
        };
        let seed = source.seed;
        assert!(
            same,
            "{told:?} is not {expected:?} at {key} of {document}\nRUNMETA_SEED={seed}"
        );
        found += usize::from(told.is_some());
    }
    assert!(found > 400, "only {found} keys found something");
}

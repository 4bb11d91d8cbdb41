//! The extension does what Postgres' own functions do, where they mean the same.
//!
//! They mean the same at places that are there, or are missing from a container that is there: `jsonb_set` creates no
//! containers, and takes a null for a scalar. Texts are compared, so a sum also has the digits that Postgres gives it.

use proptest::collection::vec;
use proptest::prelude::*;
use runmeta_core::Json;

use super::{Source, generate};
use crate::harness::Database;

/// For each document, path and value: the name of an operation, and its result by the extension and by Postgres.
const ASK: &str = r#"
    WITH drawn AS (
        SELECT document::jsonb, key, ARRAY(SELECT jsonb_array_elements_text(path::jsonb)) AS path, value::jsonb, by::jsonb, keep
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])
            AS t (document, key, path, value, by, keep)
    ), place AS (
        SELECT *, document #> path AS old, jsonb_typeof(document #> path) AS kind FROM drawn
    ), done AS (
        SELECT p.*, c.operation, c.expected, runmeta.apply_operations(p.document, jsonb_build_array(c.operation)) AS result
        FROM place AS p
        CROSS JOIN LATERAL (VALUES
            (true,
                jsonb_build_object('type', 'set', 'key', key, 'value', value),
                jsonb_set(document, path, value)),
            (true,
                jsonb_build_object('type', 'delete', 'key', key),
                document #- path),
            (true,
                jsonb_build_object('type', 'append', 'key', key, 'value', value),
                jsonb_set(document, path, CASE
                    WHEN kind = 'array' THEN old || jsonb_build_array(value)
                    WHEN kind IS NULL THEN jsonb_build_array(value)
                    ELSE jsonb_build_array(old, value) END)),
            (kind = 'array',
                jsonb_build_object('type', 'append', 'key', key, 'value', value, 'keep', keep),
                jsonb_set(document, path, (
                    SELECT jsonb_agg(last.e ORDER BY last.n)
                    FROM (
                        SELECT t.e, t.n
                        FROM jsonb_array_elements(CASE kind WHEN 'array' THEN old END || jsonb_build_array(value))
                            WITH ORDINALITY AS t (e, n)
                        ORDER BY t.n DESC LIMIT keep
                    ) AS last))),
            (kind = 'array',
                jsonb_build_object('type', 'remove', 'key', key, 'value', coalesce(old -> 0, value)),
                jsonb_set(document, path, (
                    SELECT coalesce(jsonb_agg(t.e ORDER BY t.n), '[]')
                    FROM jsonb_array_elements(CASE kind WHEN 'array' THEN old END) WITH ORDINALITY AS t (e, n)
                    WHERE t.e <> coalesce(old -> 0, value)))),
            (true,
                jsonb_build_object('type', 'increment', 'key', key, 'value', by),
                jsonb_set(document, path, CASE kind
                    WHEN 'number' THEN to_jsonb((old #>> '{}')::numeric + (by #>> '{}')::numeric)
                    ELSE by END)),
            (true,
                jsonb_build_object('type', 'increment', 'key', key),
                jsonb_set(document, path, CASE kind WHEN 'number' THEN to_jsonb((old #>> '{}')::numeric + 1) ELSE '1' END)),
            -- Postgres knows no patch that goes deep or removes: `||` is one where no member is an object or null.
            (NOT jsonb_path_exists(value, '$.* ? (@ == null || @.type() == "object")') AND jsonb_typeof(value) = 'object',
                jsonb_build_object('type', 'merge', 'key', key, 'value', value),
                jsonb_set(document, path, CASE WHEN kind = 'object' AND jsonb_typeof(value) = 'object' THEN old || value ELSE value END)),
            (jsonb_typeof(value) = 'object',
                jsonb_build_object('type', 'update', 'value', value),
                value),
            (true,
                jsonb_build_object('type', 'merge', 'value', jsonb_build_object(path[1], to_jsonb(by))),
                document || jsonb_build_object(path[1], to_jsonb(by)))
        ) AS c (applies, operation, expected)
        WHERE c.applies
    )
    SELECT count(*), count(DISTINCT operation ->> 'type'), count(*) FILTER (WHERE document <> result),
        min(format(E'%s on\n%s gives\n%s and not\n%s', operation, document, result, expected))
            FILTER (WHERE result::text IS DISTINCT FROM expected::text)
    FROM done"#;

/// Follows the picks from child to child, and then, if asked, to one that is missing. Returns the steps, and the key for it.
fn walk(document: &Json, picks: &[usize], missing: bool) -> (Json, String) {
    let mut place = document;
    let mut steps: Vec<Json> = Vec::new();
    for pick in picks {
        let (step, next) = match place {
            Json::Object(members) if !members.is_empty() => {
                let (name, next) = members.iter().nth(pick % members.len()).unwrap();
                (Json::from(name), next)
            }
            Json::Array(elements) if !elements.is_empty() => {
                let position = pick % elements.len();
                let from_the_end = position as i64 - elements.len() as i64;
                let step = if pick % 2 == 0 {
                    Json::from(position)
                } else {
                    Json::from(from_the_end)
                };
                (step, &elements[position])
            }
            _ => break,
        };
        steps.push(step);
        place = next;
    }
    match place {
        Json::Object(_) if missing || steps.is_empty() => steps.push(Json::from("missing")),
        Json::Array(elements) if missing => steps.push(Json::from(elements.len())),
        _ => {}
    }
    let written = steps.iter().map(|step| format!("[{step}]"));
    let key = format!("$.{}", written.collect::<String>());
    (steps.into(), key)
}

#[tokio::test]
async fn extension_and_postgres_agree_where_they_mean_the_same() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut source = Source::new();
    let strategy = (
        generate::document(),
        (vec(0usize..60, 1..5), any::<bool>()),
        generate::value(),
        generate::number(),
        1i32..4,
    );
    for _ in 0..4 {
        let (mut documents, mut keys, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut values, mut numbers, mut keeps) = (Vec::new(), Vec::new(), Vec::new());
        for (document, (picks, missing), value, number, keep) in source.draw(&strategy, 500) {
            let (path, key) = walk(&document, &picks, missing);
            documents.push(document.to_string());
            keys.push(key);
            paths.push(path.to_string());
            values.push(value.to_string());
            numbers.push(number.to_string());
            keeps.push(keep);
        }
        let row = client
            .query_one(ASK, &[&documents, &keys, &paths, &values, &numbers, &keeps])
            .await
            .unwrap();
        let difference: Option<&str> = row.get(3);
        let seed = source.seed;
        assert_eq!(difference, None, "RUNMETA_SEED={seed}");
        let (count, types, changed): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert!(
            count > 3000 && changed > 2000,
            "{count} were tried, {changed} changed something"
        );
        assert_eq!(types, 7);
    }
}

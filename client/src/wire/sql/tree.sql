-- $1: the run, $2: how many runs, $3: the bytes of metadata after which it ends, $4: the keys of the metadata that are wanted, NULL for
-- all of it. The depth is that below the root.
SELECT p.id, p.root_id, p.parent_id, p.depth, p.task, p.tags, p.status, p.attempt, p.version,
    p.created_at, p.started_at, p.updated_at, p.finished_at, p.text, p.place, p.place OPERATOR(pg_catalog.<) p.found
FROM (
    SELECT c.*,
        pg_catalog.sum(pg_catalog.octet_length(c.text)) OVER (ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes
    FROM (
        SELECT t.id, r.root_id, t.parent_id, r.depth OPERATOR(pg_catalog.+) t.depth AS depth, t.task, t.tags, t.status, t.attempt, t.version,
            t.created_at, t.started_at, t.updated_at, t.finished_at, t.place, t.found,
            CASE
                WHEN $4::pg_catalog.text[] IS NULL THEN t.metadata
                ELSE runmeta.apply_operations('{}', COALESCE(
                    (
                        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('type', 'set', 'key', v.key, 'value', v.value))
                        FROM (SELECT s.key, runmeta._value_at(t.metadata, s.key) AS value FROM pg_catalog.unnest($4::pg_catalog.text[]) AS s (key)) AS v
                        WHERE v.value IS NOT NULL
                    ),
                    '[]'
                ))
            END::pg_catalog.text AS text
        FROM (
            SELECT t.*, pg_catalog.count(*) OVER () AS found
            FROM runmeta.tree($1::pg_catalog.text) WITH ORDINALITY AS t (depth, id, parent_id, task, tags, status, attempt, metadata, version, created_at, started_at, updated_at, finished_at, place)
        ) AS t
        CROSS JOIN (SELECT r.root_id, r.depth FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) $1::pg_catalog.text) AS r
        WHERE t.place OPERATOR(pg_catalog.<=) $2::pg_catalog.int8
    ) AS c
) AS p
WHERE p.bytes IS NULL OR p.bytes OPERATOR(pg_catalog.<) $3::pg_catalog.int8
ORDER BY p.place

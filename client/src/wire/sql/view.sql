-- $1: runs, $2: for each, whether it is wanted whatever its task and tags are; $3: tasks, $4: tags of those wanted besides; $5: the
-- keys of the metadata that are wanted, NULL for all of it. OFFSET 0 keeps the metadata from being made once for each key.
SELECT r.id, r.root_id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt, r.version,
    r.created_at, r.started_at, r.updated_at, r.finished_at,
    CASE
        WHEN $5::pg_catalog.text[] IS NULL THEN d.metadata
        ELSE runmeta.apply_operations('{}', COALESCE(
            (
                SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('type', 'set', 'key', v.key, 'value', v.value))
                FROM (SELECT k.key, runmeta._value_at(d.metadata, k.key) AS value FROM pg_catalog.unnest($5::pg_catalog.text[]) AS k (key)) AS v
                WHERE v.value IS NOT NULL
            ),
            '[]'
        ))
    END::pg_catalog.text
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.bool[])) AS w (id, is_certain)
JOIN runmeta.live_run AS r ON r.id OPERATOR(pg_catalog.=) w.id
CROSS JOIN LATERAL (SELECT r.metadata OFFSET 0) AS d
WHERE w.is_certain OR r.task OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[]) OR r.tags OPERATOR(pg_catalog.&&) $4::pg_catalog.text[]

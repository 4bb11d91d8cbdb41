-- A page of runs. {key} is what they are sorted by, {value} the parameter with that of the last run of the page before, {before} the
-- operator between those in their order, {direction} ASC or DESC: words of this crate, not of a caller.
-- $1: the root, $2: the tag, $3: the task, $4: statuses, $5: whether they have finished, $6: only roots, each NULL for any;
-- $7: a text that is part of the id or the task, or is a tag; $8: the id of the last run of the page before, and $9, $10 or $11 what it
-- is sorted by; $12: runs of a page; $13: bytes of metadata after which the page ends; $14: the keys of the metadata that are wanted,
-- NULL for all of it. Only the runs of the page are read with what waits in the inbox.
SELECT p.id, p.root_id, p.parent_id, p.depth, p.task, p.tags, p.status, p.attempt, p.version,
    p.created_at, p.started_at, p.updated_at, p.finished_at, p.text, p.key, p.place OPERATOR(pg_catalog.<) p.found
FROM (
    SELECT c.*,
        pg_catalog.sum(pg_catalog.octet_length(c.text)) OVER (ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes
    FROM (
        SELECT r.id, r.root_id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt, r.version,
            r.created_at, r.started_at, r.updated_at, r.finished_at, k.key, k.place, k.found,
            CASE
                WHEN $14::pg_catalog.text[] IS NULL THEN d.metadata
                ELSE runmeta.apply_operations('{}', COALESCE(
                    (
                        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('type', 'set', 'key', v.key, 'value', v.value))
                        FROM (SELECT s.key, runmeta._value_at(d.metadata, s.key) AS value FROM pg_catalog.unnest($14::pg_catalog.text[]) AS s (key)) AS v
                        WHERE v.value IS NOT NULL
                    ),
                    '[]'
                ))
            END::pg_catalog.text AS text
        FROM (
            SELECT f.root_id, f.id, f.key,
                pg_catalog.row_number() OVER (ORDER BY f.key {direction}, f.id {direction}) AS place,
                pg_catalog.count(*) OVER () AS found
            FROM (
                SELECT r.root_id, r.id, {key} AS key
                FROM runmeta.run AS r
                WHERE ($1::pg_catalog.text IS NULL OR r.root_id OPERATOR(pg_catalog.=) $1::pg_catalog.text)
                    AND ($2::pg_catalog.text IS NULL OR r.tags OPERATOR(pg_catalog.@>) ARRAY[$2::pg_catalog.text])
                    AND ($3::pg_catalog.text IS NULL OR r.task OPERATOR(pg_catalog.=) $3::pg_catalog.text)
                    AND ($4::pg_catalog.text[] IS NULL OR r.status OPERATOR(pg_catalog.=) ANY ($4::pg_catalog.text[]))
                    AND ($5::pg_catalog.bool IS NULL OR ($5::pg_catalog.bool AND r.finished_at IS NOT NULL) OR (NOT $5::pg_catalog.bool AND r.finished_at IS NULL))
                    AND ($6::pg_catalog.bool IS NULL OR NOT $6::pg_catalog.bool OR r.parent_id IS NULL)
                    AND (
                        $7::pg_catalog.text IS NULL
                        OR pg_catalog.strpos(pg_catalog.lower(r.id), pg_catalog.lower($7::pg_catalog.text)) OPERATOR(pg_catalog.>) 0
                        OR pg_catalog.strpos(pg_catalog.lower(r.task), pg_catalog.lower($7::pg_catalog.text)) OPERATOR(pg_catalog.>) 0
                        OR r.tags OPERATOR(pg_catalog.@>) ARRAY[$7::pg_catalog.text]
                    )
                    AND ($8::pg_catalog.text IS NULL OR ROW({key}, r.id) OPERATOR(pg_catalog.{before}) ROW({value}, $8::pg_catalog.text))
                    AND ($9::pg_catalog.timestamptz IS NULL OR true) AND ($10::pg_catalog.text IS NULL OR true) AND ($11::pg_catalog.float8 IS NULL OR true)
                ORDER BY {key} {direction}, r.id {direction}
                LIMIT $12::pg_catalog.int8 OPERATOR(pg_catalog.+) 1
            ) AS f
        ) AS k
        JOIN runmeta.live_run AS r ON r.root_id OPERATOR(pg_catalog.=) k.root_id AND r.id OPERATOR(pg_catalog.=) k.id
        CROSS JOIN LATERAL (SELECT r.metadata OFFSET 0) AS d
        WHERE k.place OPERATOR(pg_catalog.<=) $12::pg_catalog.int8
    ) AS c
) AS p
WHERE p.bytes IS NULL OR p.bytes OPERATOR(pg_catalog.<) $13::pg_catalog.int8
ORDER BY p.place

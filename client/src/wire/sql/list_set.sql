-- $1: the root, $2: the tag, $3: the task, each NULL for any; $4: whether finished runs are left out, but for those that finished
-- at $5 or later; $6: the last id of the page before; $7: runs of a page. The statement is planned for its arguments, so that
-- conditions on those that are NULL cost nothing.
SELECT id, created_at, version
FROM runmeta.live_run
WHERE ($1::pg_catalog.text IS NULL OR root_id OPERATOR(pg_catalog.=) $1::pg_catalog.text)
    AND ($2::pg_catalog.text IS NULL OR tags OPERATOR(pg_catalog.@>) ARRAY[$2::pg_catalog.text])
    AND ($3::pg_catalog.text IS NULL OR task OPERATOR(pg_catalog.=) $3::pg_catalog.text)
    AND (NOT $4::pg_catalog.bool OR finished_at IS NULL OR finished_at OPERATOR(pg_catalog.>=) $5::pg_catalog.timestamptz)
    AND ($6::pg_catalog.text IS NULL OR id OPERATOR(pg_catalog.>) $6::pg_catalog.text)
ORDER BY id
LIMIT $7::pg_catalog.int8

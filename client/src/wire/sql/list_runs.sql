-- $1: the runs.
SELECT id, created_at, version
FROM runmeta.live_run
WHERE id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])

-- citus: WITH i AS (
INSERT INTO runmeta.run (root_id, id, parent_id, depth, task, tags, status, attempt, metadata, created_at, started_at,
    updated_at, size_bound)
SELECT c.root_id, c.id, c.parent_id, c.depth, c.task, c.tags::pg_catalog.text[], c.status, c.attempt, c.metadata, $12,
    CASE WHEN c.is_working THEN $12 END, $12, c.size_bound
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),
    pg_catalog.unnest($10), pg_catalog.unnest($11))
    AS c (root_id, id, parent_id, depth, task, tags, status, attempt, metadata, is_working, size_bound)
ON CONFLICT DO NOTHING RETURNING id, version
-- citus: ) SELECT i.id, i.version FROM i

-- citus: WITH i AS (
INSERT INTO runmeta.stream (root_id, run_id, name, run_created_at, created_at, updated_at)
SELECT c.root_id, c.run_id, c.name, c.run_created_at, $5, $5
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))
    AS c (root_id, run_id, name, run_created_at)
ON CONFLICT DO NOTHING
RETURNING root_id, run_id, name
-- citus: ) SELECT i.root_id, i.run_id, i.name FROM i

-- citus: WITH i AS (
INSERT INTO runmeta.run_root (id, root_id, parent_id)
SELECT c.id, c.root_id, c.parent_id
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (id, root_id, parent_id)
ON CONFLICT DO NOTHING
RETURNING id
-- citus: ) SELECT i.id FROM i

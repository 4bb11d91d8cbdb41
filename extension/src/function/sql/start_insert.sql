INSERT INTO runmeta.run (root_id, id, parent_id, depth, task, tags, metadata, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, $6, $7, t.now, t.now FROM (SELECT pg_catalog.clock_timestamp() AS now) AS t
ON CONFLICT DO NOTHING RETURNING version

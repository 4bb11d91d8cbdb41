INSERT INTO runmeta.run (root_id, id, parent_id, depth, started_at)
SELECT $1::text, $1::text || '/' || i, $1::text, 1, now() FROM generate_series(1, $2::int) AS i

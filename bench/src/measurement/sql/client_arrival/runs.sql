INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT 'client ' || i, 'client ' || i, now(), r.metadata
FROM generate_series(1, 10000) AS i, runmeta.run AS r
WHERE r.id = 'run 1';

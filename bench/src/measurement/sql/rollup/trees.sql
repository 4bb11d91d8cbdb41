INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT 'tree ' || i, 'tree ' || i, now(), '{"rows": 1}' FROM generate_series(1, 500) AS i;
INSERT INTO runmeta.run (root_id, id, parent_id, depth, started_at, metadata)
SELECT 'tree ' || i, 'tree ' || i || '/' || j, 'tree ' || i, 1, now(), '{"rows": 1}'
FROM generate_series(1, 500) AS i, generate_series(1, 9) AS j;
ANALYZE runmeta.run;

INSERT INTO runmeta.run (root_id, id, started_at, finished_at, status)
SELECT 'tree', 'tree', now() - interval '30 days', now() - interval '30 days', 'completed';
INSERT INTO runmeta.run (root_id, id, parent_id, depth, started_at, finished_at, status)
SELECT 'tree', 'tree/' || i, 'tree', 1, now() - interval '30 days', now() - interval '30 days', 'completed'
FROM generate_series(1, 100000) AS i;

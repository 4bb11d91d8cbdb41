INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT 'large ' || i, 'large ' || i, now(), jsonb_build_object('text', repeat('x', 262000), 'n', 0)
FROM generate_series(1, 4000) AS i;
INSERT INTO bench.job (id, metadata) SELECT id, metadata FROM runmeta.run WHERE id LIKE 'large %';

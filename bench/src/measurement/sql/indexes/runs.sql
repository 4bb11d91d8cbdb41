-- 20,000 trees of ten runs each, of which one in 50 runs.
INSERT INTO runmeta.run (root_id, id, parent_id, depth, task, tags, created_at, started_at, finished_at, metadata)
SELECT
    'tree ' || i / 10, 'tree ' || i / 10 || CASE i % 10 WHEN 0 THEN '' ELSE '/' || i % 10 END,
    CASE i % 10 WHEN 0 THEN NULL ELSE 'tree ' || i / 10 END, (i % 10 > 0)::int,
    'task ' || i % 100, ARRAY['tenant-' || i % 1000, 'region-' || i % 7, 'kind-' || i % 3],
    now() - i * interval '1 second', now(), CASE WHEN i / 10 % 50 > 0 THEN now() END,
    jsonb_build_object('progress', 1, 'text', repeat('x', 300))
FROM generate_series(0, 199999) AS i;
CREATE INDEX run_tags_idx ON runmeta.run USING gin (tags);
ANALYZE runmeta.run;

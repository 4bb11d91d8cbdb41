INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT 'run ' || i, 'run ' || i, now(), r.metadata
FROM generate_series((SELECT count(*) FROM runmeta.run) + 1, {runs}) AS i, runmeta.run AS r
WHERE r.id = 'run 1';
INSERT INTO bench.job (id, metadata)
SELECT 'run ' || i, j.metadata
FROM generate_series((SELECT count(*) FROM bench.job) + 1, {runs}) AS i, bench.job AS j
WHERE j.id = 'run 1';
ANALYZE runmeta.run, bench.job;

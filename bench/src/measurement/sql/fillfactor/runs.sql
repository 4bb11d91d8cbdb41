TRUNCATE runmeta.run;
ALTER TABLE runmeta.run SET (fillfactor = {fillfactor});
INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT 'run ' || i, 'run ' || i, now(), jsonb_build_object('progress', 0, 'text', repeat('x', 280))
FROM generate_series(1, 20000) AS i;
SELECT pg_stat_force_next_flush();
SELECT pg_stat_reset_single_table_counters('runmeta.run'::regclass);

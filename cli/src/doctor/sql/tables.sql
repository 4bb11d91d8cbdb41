-- How vacuum does on our tables.
SELECT c.relname::pg_catalog.text, COALESCE(c.reloptions, '{}') OPERATOR(pg_catalog.&&) ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off'],
    pg_catalog.pg_stat_get_live_tuples(c.oid), pg_catalog.pg_stat_get_dead_tuples(c.oid),
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) GREATEST(
        pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))::pg_catalog.float8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
-- A partition is in the place of its table.
LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid OPERATOR(pg_catalog.=) c.oid
LEFT JOIN pg_catalog.pg_class AS p ON p.oid OPERATOR(pg_catalog.=) i.inhparent
WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND c.relkind OPERATOR(pg_catalog.=) 'r'
    AND COALESCE(p.relname, c.relname) OPERATOR(pg_catalog.=) ANY (
        ARRAY['run', 'run_root', 'writer', 'inbox', 'unapplied', 'stream', 'stream_chunk', 'history', 'outbox'])
ORDER BY c.relname

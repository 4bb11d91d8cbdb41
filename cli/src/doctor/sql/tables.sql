-- How vacuum does on our tables.
SELECT c.relname::pg_catalog.text, COALESCE(c.reloptions, '{}') OPERATOR(pg_catalog.&&) ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off'],
    pg_catalog.pg_stat_get_live_tuples(c.oid), pg_catalog.pg_stat_get_dead_tuples(c.oid),
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) GREATEST(
        pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))::pg_catalog.float8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND c.relkind OPERATOR(pg_catalog.=) 'r'
    AND c.relname OPERATOR(pg_catalog.=) ANY (ARRAY['run', 'writer', 'inbox', 'unapplied', 'stream', 'stream_chunk', 'history', 'outbox'])
ORDER BY c.relname

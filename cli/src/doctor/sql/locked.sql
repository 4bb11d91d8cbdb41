-- Who keeps everybody from a table of ours: the holder of a lock that excludes readers, or whoever waits for one and has
-- others wait behind him.
SELECT l.pid, c.relname::pg_catalog.text, l.granted,
    (pg_catalog.pg_blocking_pids(l.pid))[1],
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.xact_start)::pg_catalog.float8
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) l.pid
WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
    AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database AS d
        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
ORDER BY l.granted, a.xact_start LIMIT 1

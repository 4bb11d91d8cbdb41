-- The sessions whose transactions are the oldest of the server: among them is the one that keeps the notification queue.
SELECT a.pid, a.datname::pg_catalog.text, a.usename::pg_catalog.text, a.state,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.xact_start)::pg_catalog.float8
FROM pg_catalog.pg_stat_activity AS a
WHERE a.xact_start IS NOT NULL AND a.backend_type OPERATOR(pg_catalog.=) 'client backend'
    AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
ORDER BY a.xact_start LIMIT 3

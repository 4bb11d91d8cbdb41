SELECT pg_catalog.current_setting('transaction_isolation'), LEAST($1,
    COALESCE(pg_catalog.min(a.xact_start), pg_catalog.clock_timestamp())
        OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND a.backend_type OPERATOR(pg_catalog.<>) 'autovacuum worker'

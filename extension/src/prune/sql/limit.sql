SELECT pg_catalog.current_setting('transaction_isolation'),
    pg_catalog.row_security_active('runmeta.run'::pg_catalog.regclass),
    LEAST($1,
        COALESCE(pg_catalog.min(t.began), pg_catalog.clock_timestamp())
            OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
FROM (
    SELECT a.xact_start AS began FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        AND a.backend_type OPERATOR(pg_catalog.<>) 'autovacuum worker'
    UNION ALL
    SELECT p.prepared FROM pg_catalog.pg_prepared_xacts AS p
    WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database()
) AS t

SELECT DISTINCT t.transactionid
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) l.database
JOIN pg_catalog.pg_locks AS t ON t.virtualtransaction OPERATOR(pg_catalog.=) l.virtualtransaction
WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta'
    AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
    AND l.mode OPERATOR(pg_catalog.=) 'RowExclusiveLock'
    AND l.pid IS NULL
    AND t.locktype OPERATOR(pg_catalog.=) 'transactionid'
    AND t.pid IS NULL

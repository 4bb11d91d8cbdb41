SELECT l.virtualtransaction FROM pg_catalog.pg_locks AS l
WHERE l.locktype OPERATOR(pg_catalog.=) 'relation'
    AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database AS d
        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    AND l.relation OPERATOR(pg_catalog.=) 'runmeta.inbox'::pg_catalog.regclass
    AND l.mode OPERATOR(pg_catalog.=) 'RowExclusiveLock' AND l.granted
    AND (l.pid IS NULL OR l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid())

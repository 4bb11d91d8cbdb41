-- $1: the writer, $2: runs.
SELECT
    d.last_sequence,
    d.locked,
    EXISTS (
        SELECT
        FROM pg_catalog.pg_locks AS l
        JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) l.database
        JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relation
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE l.locktype OPERATOR(pg_catalog.=) 'relation'
            AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
            AND n.nspname OPERATOR(pg_catalog.=) 'runmeta'
            AND l.mode OPERATOR(pg_catalog.=) ANY ('{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::pg_catalog.text[])
            AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
    ),
    pg_catalog.pg_notification_queue_usage()
FROM runmeta._diagnose($1::pg_catalog.uuid, $2::pg_catalog.text[]) AS d

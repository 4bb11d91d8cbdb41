-- $1: the writer, $2: runs. A materialized query is executed once, as it is written.
WITH free AS MATERIALIZED (
    SELECT r.id
    FROM runmeta.run AS r
    WHERE r.id OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[])
    FOR NO KEY UPDATE SKIP LOCKED
)
SELECT
    COALESCE((SELECT w.last_sequence FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid), 0),
    ARRAY(
        SELECT r.id
        FROM runmeta.run AS r
        WHERE r.id OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[])
            AND NOT EXISTS (SELECT FROM free AS f WHERE f.id OPERATOR(pg_catalog.=) r.id)
    ),
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

-- Where Citus has distributed the runs: it locks those of one shard only. $1: the writer, $2 is not looked at.
SELECT
    COALESCE((SELECT w.last_sequence FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid), 0),
    '{}'::pg_catalog.text[],
    false,
    pg_catalog.pg_notification_queue_usage()

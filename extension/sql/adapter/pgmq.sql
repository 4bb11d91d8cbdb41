-- _adapter_pgmq

-- pgmq, one of its queues. A message that is read works, and one that is read again is tried again: nobody archived it in
-- time. Archiving and deleting it, or popping it at once, completes it; nothing says that it failed.
CREATE FUNCTION runmeta._adapter_pgmq(table_name pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT pg_catalog.replace($row$
SELECT j.msg_id::pg_catalog.text AS id,
    CASE WHEN j.read_ct OPERATOR(pg_catalog.=) 0 THEN 'queued' ELSE 'running' END AS status,
    'completed' AS deleted,
    j.read_ct AS attempt, NULL::pg_catalog.text AS error,
    {task} AS task,
    j.enqueued_at AS created_at, NULL::pg_catalog.timestamptz AS started_at, NULL::pg_catalog.timestamptz AS finished_at$row$,
    '{task}', pg_catalog.quote_literal(pg_catalog.regexp_replace(table_name, '^q_', ''))) $query$;

COMMENT ON FUNCTION runmeta._adapter_pgmq IS 'list of a query for what the rows of a queue of pgmq mean';

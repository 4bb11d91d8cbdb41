-- _adapter_graphile_worker

-- graphile-worker 0.16 to 0.18. A job that works is locked. Success deletes the row while it is locked; somebody who removes
-- a job deletes it unlocked. What gave up stays, with attempts at max_attempts. forceUnlockWorkers sets no last_error.
CREATE FUNCTION runmeta._adapter_graphile_worker(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT pg_catalog.replace($row$
SELECT j.id::pg_catalog.text AS id,
    CASE
        WHEN j.locked_at IS NOT NULL THEN 'running'
        WHEN j.attempts OPERATOR(pg_catalog.>=) j.max_attempts THEN 'failed'
        WHEN j.attempts OPERATOR(pg_catalog.=) 0::pg_catalog.int2 OR j.last_error IS NULL THEN 'queued'
        ELSE 'retrying'
    END AS status,
    CASE WHEN j.locked_at IS NOT NULL THEN 'completed' ELSE 'cancelled' END AS deleted,
    j.attempts::pg_catalog.int4 AS attempt,
    CASE WHEN j.locked_at IS NULL THEN j.last_error END AS error,
    (SELECT t.identifier FROM {schema}._private_tasks AS t WHERE t.id OPERATOR(pg_catalog.=) j.task_id) AS task,
    j.created_at, j.locked_at AS started_at, NULL::pg_catalog.timestamptz AS finished_at$row$,
    '{schema}', pg_catalog.quote_ident(schema)) $query$;

COMMENT ON FUNCTION runmeta._adapter_graphile_worker IS 'list of a query for what the rows of graphile-worker mean';

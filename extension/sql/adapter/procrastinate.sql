-- _adapter_procrastinate

-- procrastinate 3. attempts counts tries that ended, so the one that works is the next. A worker that deletes jobs deletes
-- them while they are doing. No column has the error or a time.
CREATE FUNCTION runmeta._adapter_procrastinate(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT $row$
SELECT j.id::pg_catalog.text AS id,
    CASE
        WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) 'todo'
            THEN CASE WHEN j.attempts OPERATOR(pg_catalog.=) 0 THEN 'queued' ELSE 'retrying' END
        WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['doing', 'aborting']::pg_catalog.text[])
            THEN 'running'
        WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) 'succeeded' THEN 'completed'
        WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) 'aborted' THEN 'cancelled'
        ELSE j.status::pg_catalog.text
    END AS status,
    CASE WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) 'doing' THEN 'completed' ELSE 'cancelled' END AS deleted,
    CASE WHEN j.status::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['doing', 'aborting']::pg_catalog.text[])
        THEN j.attempts OPERATOR(pg_catalog.+) 1 ELSE j.attempts
    END AS attempt,
    NULL::pg_catalog.text AS error, j.task_name::pg_catalog.text AS task,
    NULL::pg_catalog.timestamptz AS created_at, NULL::pg_catalog.timestamptz AS started_at,
    NULL::pg_catalog.timestamptz AS finished_at$row$ $query$;

COMMENT ON FUNCTION runmeta._adapter_procrastinate IS 'list of a query for what the rows of procrastinate mean';

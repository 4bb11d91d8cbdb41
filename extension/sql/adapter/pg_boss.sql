-- _adapter_pg_boss

-- pg-boss 10 to 12. An attempt counts from its claim: the claim of a job that was claimed before raises retry_count.
-- A failure deletes the row and inserts it again in one statement; started_on stays, and output is the error.
-- Version 10 writes to the partitioned table job, version 12 mostly to its partitions by name.
CREATE FUNCTION runmeta._adapter_pg_boss(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT $row$
SELECT j.id::pg_catalog.text AS id,
    CASE
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'created' THEN 'queued'
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'retry' THEN 'retrying'
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'active' THEN 'running'
        ELSE j.state::pg_catalog.text
    END AS status,
    'cancelled' AS deleted,
    CASE WHEN j.started_on IS NULL THEN j.retry_count ELSE j.retry_count OPERATOR(pg_catalog.+) 1 END AS attempt,
    CASE WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['retry', 'failed']::pg_catalog.text[])
        THEN COALESCE(j.output OPERATOR(pg_catalog.->>) 'message',
            j.output OPERATOR(pg_catalog.->) 'value' OPERATOR(pg_catalog.->>) 'message', j.output::pg_catalog.text)
    END AS error,
    pg_catalog."left"(j.name, 256) AS task,
    j.created_on AS created_at, j.started_on AS started_at, j.completed_on AS finished_at$row$ $query$;

COMMENT ON FUNCTION runmeta._adapter_pg_boss IS 'list of a query for what the rows of pg-boss mean';

-- _adapter_dbos

-- DBOS. recovery_attempts counts starts. A workflow that another one called is its child; its times are milliseconds.
CREATE FUNCTION runmeta._adapter_dbos(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT $row$
SELECT pg_catalog."left"(j.workflow_uuid, 256) AS id,
    CASE
        WHEN j.status OPERATOR(pg_catalog.=) 'PENDING' THEN 'running'
        WHEN j.status OPERATOR(pg_catalog.=) 'SUCCESS' THEN 'completed'
        WHEN j.status OPERATOR(pg_catalog.=) 'CANCELLED' THEN 'cancelled'
        WHEN j.status OPERATOR(pg_catalog.=) ANY (
            ARRAY['ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED', 'RETRIES_EXCEEDED']::pg_catalog.text[]) THEN 'failed'
        ELSE 'queued'
    END AS status,
    'cancelled' AS deleted,
    j.recovery_attempts::pg_catalog.int4 AS attempt,
    CASE WHEN j.status OPERATOR(pg_catalog.=) 'ERROR' THEN j.error END AS error,
    pg_catalog."left"(j.name, 256) AS task,
    pg_catalog.to_timestamp(j.created_at::pg_catalog.float8 OPERATOR(pg_catalog./) 1000) AS created_at,
    pg_catalog.to_timestamp(j.started_at_epoch_ms::pg_catalog.float8 OPERATOR(pg_catalog./) 1000) AS started_at,
    CASE WHEN NOT (j.status OPERATOR(pg_catalog.=) ANY (ARRAY['PENDING', 'ENQUEUED', 'DELAYED']::pg_catalog.text[]))
        THEN pg_catalog.to_timestamp(j.updated_at::pg_catalog.float8 OPERATOR(pg_catalog./) 1000)
    END AS finished_at$row$ $query$;

COMMENT ON FUNCTION runmeta._adapter_dbos IS 'list of a query for what the rows of DBOS mean';

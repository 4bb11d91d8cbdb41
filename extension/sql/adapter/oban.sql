-- _adapter_oban

-- Oban. attempt counts claims. Its times are those of UTC, in columns without a time zone.
CREATE FUNCTION runmeta._adapter_oban(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT $row$
SELECT j.id::pg_catalog.text AS id,
    CASE
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'executing' THEN 'running'
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'discarded' THEN 'failed'
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['completed', 'cancelled']::pg_catalog.text[])
            THEN j.state::pg_catalog.text
        WHEN j.attempt OPERATOR(pg_catalog.=) 0 THEN 'queued'
        ELSE 'retrying'
    END AS status,
    'cancelled' AS deleted,
    j.attempt AS attempt,
    CASE WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['retryable', 'discarded']::pg_catalog.text[])
        THEN j.errors[pg_catalog.cardinality(j.errors)] OPERATOR(pg_catalog.->>) 'error'
    END AS error,
    j.worker::pg_catalog.text AS task,
    pg_catalog.timezone('UTC', j.inserted_at) AS created_at, pg_catalog.timezone('UTC', j.attempted_at) AS started_at,
    pg_catalog.timezone('UTC', CASE
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'completed' THEN j.completed_at
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'discarded' THEN j.discarded_at
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'cancelled' THEN j.cancelled_at
    END) AS finished_at$row$ $query$;

COMMENT ON FUNCTION runmeta._adapter_oban IS 'list of a query for what the rows of Oban mean';

-- _adapter_river

-- River. attempt counts claims. A job that failed waits as retryable until it is due, and then as available. Snoozing takes
-- the attempt back.
CREATE FUNCTION runmeta._adapter_river(schema pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT $row$
SELECT j.id::pg_catalog.text AS id,
    CASE
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) ANY (
            ARRAY['available', 'scheduled', 'pending', 'retryable']::pg_catalog.text[])
            THEN CASE WHEN j.attempt OPERATOR(pg_catalog.=) 0::pg_catalog.int2 THEN 'queued' ELSE 'retrying' END
        WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) 'discarded' THEN 'failed'
        ELSE j.state::pg_catalog.text
    END AS status,
    'cancelled' AS deleted,
    j.attempt::pg_catalog.int4 AS attempt,
    CASE WHEN j.state::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['retryable', 'discarded']::pg_catalog.text[])
        THEN j.errors[pg_catalog.cardinality(j.errors)] OPERATOR(pg_catalog.->>) 'error'
    END AS error,
    j.kind::pg_catalog.text AS task,
    j.created_at, j.attempted_at AS started_at, j.finalized_at AS finished_at$row$ $query$;

COMMENT ON FUNCTION runmeta._adapter_river IS 'list of a query for what the rows of River mean';

-- _adapter_queue

-- The queues that are known, one row each, with the schema that they have where none is named.
CREATE FUNCTION runmeta._adapter_queue(
    queue pg_catalog.text,
    INOUT schema pg_catalog.text,
    OUT table_name pg_catalog.text,
    OUT row_query pg_catalog.text,
    OUT compares pg_catalog.bool
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $queue$
BEGIN
    IF queue OPERATOR(pg_catalog.=) 'pg-boss' THEN
        schema := COALESCE(schema, 'pgboss');
        table_name := 'job';
        row_query := runmeta._adapter_pg_boss(schema);
        compares := false;
    ELSIF queue OPERATOR(pg_catalog.=) 'graphile-worker' THEN
        schema := COALESCE(schema, 'graphile_worker');
        table_name := '_private_jobs';
        row_query := runmeta._adapter_graphile_worker(schema);
        compares := false;
    ELSIF queue OPERATOR(pg_catalog.=) 'procrastinate' THEN
        schema := COALESCE(schema, 'public');
        table_name := 'procrastinate_jobs';
        row_query := runmeta._adapter_procrastinate(schema);
        compares := true;
    ELSE
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('queue "%s" is not known', queue),
            HINT = 'Known are pg-boss, graphile-worker and procrastinate.';
    END IF;
END
$queue$;

COMMENT ON FUNCTION runmeta._adapter_queue IS 'table of a queue and what its rows mean';

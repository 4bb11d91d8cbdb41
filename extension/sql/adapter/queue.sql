-- _adapter_queue

-- The queues that are known, one branch each, with the schema that they have where none is named. parent is an expression over
-- the row of a job, which is j, for the id of the run that its run is started under. row_list is the list of a SELECT over j.
CREATE FUNCTION runmeta._adapter_queue(
    queue pg_catalog.text,
    INOUT schema pg_catalog.text,
    INOUT table_name pg_catalog.text,
    parent pg_catalog.text,
    prefix pg_catalog.text,
    mapping pg_catalog.jsonb,
    OUT row_list pg_catalog.text,
    OUT compares pg_catalog.bool,
    OUT id_column pg_catalog.name,
    OUT queues pg_catalog.text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $queue$
DECLARE
    given CONSTANT pg_catalog.text := table_name;
    jobs pg_catalog.regclass;
BEGIN
    id_column := 'id';
    IF queue OPERATOR(pg_catalog.=) 'pg-boss' THEN
        schema := COALESCE(schema, 'pgboss');
        table_name := 'job';
        queues := 'queue';
        row_list := runmeta._adapter_pg_boss(schema);
        compares := false;
    ELSIF queue OPERATOR(pg_catalog.=) 'graphile-worker' THEN
        schema := COALESCE(schema, 'graphile_worker');
        table_name := '_private_jobs';
        row_list := runmeta._adapter_graphile_worker(schema);
        compares := false;
    ELSIF queue OPERATOR(pg_catalog.=) 'procrastinate' THEN
        schema := COALESCE(schema, 'public');
        table_name := 'procrastinate_jobs';
        row_list := runmeta._adapter_procrastinate(schema);
        compares := true;
    ELSIF queue OPERATOR(pg_catalog.=) 'river' THEN
        schema := COALESCE(schema, 'public');
        table_name := 'river_job';
        row_list := runmeta._adapter_river(schema);
        compares := true;
    ELSIF queue OPERATOR(pg_catalog.=) 'oban' THEN
        schema := COALESCE(schema, 'public');
        table_name := 'oban_jobs';
        row_list := runmeta._adapter_oban(schema);
        compares := true;
    ELSIF queue OPERATOR(pg_catalog.=) 'pgmq' THEN
        schema := COALESCE(schema, 'pgmq');
        id_column := 'msg_id';
        row_list := runmeta._adapter_pgmq(table_name);
        compares := false;
    ELSIF queue OPERATOR(pg_catalog.=) 'dbos' THEN
        schema := COALESCE(schema, 'dbos');
        table_name := 'workflow_status';
        id_column := 'workflow_uuid';
        row_list := runmeta._adapter_dbos(schema);
        compares := true;
    ELSIF queue OPERATOR(pg_catalog.=) 'table' THEN
        schema := COALESCE(schema, 'public');
        id_column := mapping OPERATOR(pg_catalog.->>) 'id';
        compares := true;
    ELSE
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('queue "%s" is not known', queue),
            HINT = 'Known are pg-boss, graphile-worker, procrastinate, river, oban, pgmq, dbos, and table for one of your own.';
    END IF;
    IF (queue OPERATOR(pg_catalog.=) ANY (ARRAY['pgmq', 'table']::pg_catalog.text[])) OPERATOR(pg_catalog.<>) (given IS NOT NULL) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN given IS NULL
                THEN pg_catalog.format('the table of "%s" is not named', queue)
                ELSE pg_catalog.format('"%s" has a table that is known', queue) END,
            HINT = 'A table is named for pgmq, as in q_mail, and for one of your own.';
    END IF;
    jobs := pg_catalog.to_regclass(pg_catalog.format('%I.%I', schema, table_name));
    IF jobs IS NULL THEN
        RETURN;
    END IF;
    IF queue OPERATOR(pg_catalog.=) 'table' THEN
        row_list := runmeta._adapter_own_table(jobs, mapping);
    END IF;
    -- Older versions of DBOS do not keep it.
    IF parent IS NULL AND queue OPERATOR(pg_catalog.=) 'dbos' AND EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid OPERATOR(pg_catalog.=) jobs AND a.attname OPERATOR(pg_catalog.=) 'parent_workflow_id'::pg_catalog.name
    ) THEN
        parent := pg_catalog.format('%L OPERATOR(pg_catalog.||) j.parent_workflow_id', prefix);
    END IF;
    row_list := pg_catalog.concat(row_list, ', (', COALESCE(parent, 'NULL'), ')::pg_catalog.text AS parent_id');
END
$queue$;

COMMENT ON FUNCTION runmeta._adapter_queue IS 'table of a queue and what its rows mean';

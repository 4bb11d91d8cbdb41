-- adapt

-- Makes triggers on the table of jobs, so it needs the rights of the table's owner, and those of the owner of runmeta's
-- tables to register the queue. Nothing changes in the queue until the transaction ends, so that what is put down for
-- jobs that exist already is complete.
CREATE FUNCTION runmeta.adapt(
    queue pg_catalog.text,
    schema pg_catalog.text DEFAULT NULL,
    prefix pg_catalog.text DEFAULT NULL,
    tasks pg_catalog.text[] DEFAULT NULL,
    metadata pg_catalog.jsonb DEFAULT '{}',
    dry_run pg_catalog.bool DEFAULT false
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
AS $adapt$
DECLARE
    own record;
    jobs pg_catalog.regclass;
    number pg_catalog.int4;
    kept pg_catalog.text := COALESCE(adapt.prefix, adapt.queue OPERATOR(pg_catalog.||) ':');
    statement pg_catalog.text;
BEGIN
    SELECT q.schema, q.table_name, q.row_query, q.compares INTO STRICT own
    FROM runmeta._adapter_queue(adapt.queue, adapt.schema) AS q;
    jobs := pg_catalog.to_regclass(pg_catalog.format('%I.%I', own.schema, own.table_name));
    IF jobs IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_table',
            MESSAGE = pg_catalog.format('there is no table "%s"."%s"', own.schema, own.table_name),
            DETAIL = pg_catalog.format('It is where %s keeps its jobs.', adapt.queue),
            HINT = 'Have the queue make its tables first, and name its schema if it is another one.';
    END IF;
    IF pg_catalog.jsonb_typeof(COALESCE(adapt.metadata, '{}')) OPERATOR(pg_catalog.<>) 'object' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'metadata is no object',
            HINT = 'Give a JSON object.';
    END IF;

    IF NOT COALESCE(adapt.dry_run, false) THEN
        LOCK TABLE runmeta.adapter IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    SELECT a.id, COALESCE(adapt.prefix, a.prefix) AS prefix INTO number, kept
    FROM runmeta.adapter AS a
    WHERE a.table_schema OPERATOR(pg_catalog.=) own.schema AND a.table_name OPERATOR(pg_catalog.=) own.table_name;
    IF number IS NULL THEN
        SELECT COALESCE(pg_catalog.max(a.id), 0) OPERATOR(pg_catalog.+) 1,
            COALESCE(adapt.prefix, adapt.queue OPERATOR(pg_catalog.||) ':')
        INTO number, kept FROM runmeta.adapter AS a;
    END IF;
    IF NOT COALESCE(adapt.dry_run, false) THEN
        INSERT INTO runmeta.adapter (id, queue, table_schema, table_name, prefix, tasks, metadata)
        VALUES (number, adapt.queue, own.schema, own.table_name, kept, adapt.tasks, COALESCE(adapt.metadata, '{}'))
        ON CONFLICT ON CONSTRAINT adapter_pkey DO UPDATE
        SET prefix = excluded.prefix, tasks = excluded.tasks, metadata = excluded.metadata;
    END IF;

    FOR statement IN
        SELECT f FROM runmeta._adapter_functions(number, own.schema, kept, adapt.tasks, own.row_query, own.compares) AS f
        UNION ALL
        SELECT t FROM runmeta._adapter_triggers(jobs, own.compares) AS t
        UNION ALL
        SELECT runmeta._adapter_sync(number, jobs, kept, adapt.tasks, own.row_query)
    LOOP
        IF NOT COALESCE(adapt.dry_run, false) THEN
            EXECUTE statement;
        END IF;
        RETURN NEXT statement;
    END LOOP;
END
$adapt$;

COMMENT ON FUNCTION runmeta.adapt IS 'have runs follow the jobs of a queue, and return the statements that do it';

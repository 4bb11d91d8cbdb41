-- _adapter_functions

-- Statements that make the trigger functions of an adapter, in the queue's schema: they go with it, and are dumped with it.
-- They run with the rights of whoever changes a job, who can read the queue's other tables.
--
-- row_query says what a row means; {jobs} stands in it for the rows. Where compares is true, an update is put down only for
-- rows of which that changed: procrastinate updates all jobs that a worker had when it ends. It takes 10 µs a row more.
CREATE FUNCTION runmeta._adapter_functions(
    adapter pg_catalog.int4,
    schema pg_catalog.text,
    prefix pg_catalog.text,
    tasks pg_catalog.text[],
    row_query pg_catalog.text,
    compares pg_catalog.bool
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 3
AS $functions$
DECLARE
    head CONSTANT pg_catalog.text := pg_catalog.format($head$INSERT INTO runmeta.transition
            (adapter, run_id, is_deleted, status, attempt, error, task, created_at, started_at, finished_at)
        SELECT %s, %L OPERATOR(pg_catalog.||) c.id$head$, adapter, prefix);
    -- What is left of the columns after the id, for a row that is there and for one that is gone. The task is looked up
    -- for a new job only.
    there CONSTANT pg_catalog.text := ', false, c.status, c.attempt, c.error, NULL, NULL, c.started_at, c.finished_at';
    arrived CONSTANT pg_catalog.text := ', false, c.status, c.attempt, c.error, c.task, c.created_at, c.started_at, c.finished_at';
    gone CONSTANT pg_catalog.text := ', true, c.deleted, c.attempt, NULL, NULL, NULL, NULL, NULL';
    chosen CONSTANT pg_catalog.text := CASE WHEN tasks IS NULL THEN ''
        ELSE pg_catalog.format(E'\n        WHERE c.task OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', tasks) END;
    changed CONSTANT pg_catalog.text := pg_catalog.replace(row_query, '{jobs}', 'jobs') OPERATOR(pg_catalog.||)
        CASE WHEN compares
            THEN E'\nEXCEPT ALL' OPERATOR(pg_catalog.||) pg_catalog.replace(row_query, '{jobs}', 'old_jobs')
            ELSE ''
        END;
    failed CONSTANT pg_catalog.text := pg_catalog.format($failed$EXCEPTION
    -- Whatever is wrong here is no reason to stop the queue.
    WHEN OTHERS THEN
        BEGIN
            INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
            VALUES (%s, TG_OP, {ids}, SQLSTATE, SQLERRM);
        EXCEPTION
            WHEN OTHERS THEN
                RAISE WARNING 'runmeta does not follow a change of jobs: %%', SQLERRM;
        END;
        RETURN NULL;$failed$, adapter);
    some_ids CONSTANT pg_catalog.text := '(SELECT pg_catalog.array_agg(j.id) FROM (SELECT j.id::pg_catalog.text FROM jobs AS j LIMIT 100) AS j)';
    frame CONSTANT pg_catalog.text := $frame$CREATE OR REPLACE FUNCTION %I.%I() RETURNS pg_catalog.trigger
LANGUAGE plpgsql
AS $runmeta$
BEGIN
    %s
    RETURN NULL;
%s
END
$runmeta$$frame$;
    statement pg_catalog.text;
BEGIN
    statement := pg_catalog.format(frame, schema, '_runmeta_follow', pg_catalog.concat(
        -- Half of all updates of a queue are polls that find no job.
        $body$IF NOT EXISTS (SELECT FROM jobs) THEN
        RETURN NULL;
    END IF;
    IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
        $body$, head, arrived, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', 'jobs'), ') AS c', chosen, $body$;
    ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
        $body$, head, there, E'\n        FROM (', changed, ') AS c', chosen, $body$;
    ELSE
        $body$, head, gone, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', 'jobs'), ') AS c', chosen, $body$;
    END IF;$body$), pg_catalog.replace(failed, '{ids}', some_ids));
    RETURN NEXT statement;

    -- For partitions that were made after the triggers: row triggers are cloned to them, statement triggers are not.
    statement := pg_catalog.format(frame, schema, '_runmeta_follow_row', pg_catalog.concat(
        $body$IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        $body$, head, gone, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', '(SELECT OLD.*)'), ') AS c', chosen, $body$;
    ELSE
        $body$, head, arrived, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', '(SELECT NEW.*)'), ') AS c', chosen, $body$;
    END IF;$body$), pg_catalog.replace(failed, '{ids}', 'NULL'));
    RETURN NEXT statement;

    -- Before the rows are gone.
    statement := pg_catalog.format(frame, schema, '_runmeta_truncate', pg_catalog.concat(
        'EXECUTE pg_catalog.format(', pg_catalog.quote_literal(pg_catalog.replace(pg_catalog.replace(
            pg_catalog.concat(head, gone, E'\n        FROM (', row_query, ') AS c', chosen),
            '%', '%%'), '{jobs}', 'ONLY %s')),
        ', TG_RELID::pg_catalog.regclass);'), pg_catalog.replace(failed, '{ids}', 'NULL'));
    RETURN NEXT statement;
END
$functions$;

COMMENT ON FUNCTION runmeta._adapter_functions IS 'statements that make the trigger functions of an adapter';

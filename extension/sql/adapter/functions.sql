-- _adapter_functions

-- Statements that make the trigger functions of an adapter, in the queue's schema: they go with it, and are dumped with it.
-- They run with the rights of whoever changes a job, who can read the queue's other tables. Their names have the number of the
-- adapter, because a schema may have several queues.
--
-- row_query says what a row means; {jobs} stands in it for the rows. Where compares is true, an update is recorded only for
-- rows of which that changed: procrastinate updates all jobs that a worker had when it ends. It takes 10 µs a row more.
CREATE FUNCTION runmeta._adapter_functions(
    adapter pg_catalog.int4,
    schema pg_catalog.text,
    prefix pg_catalog.text,
    tasks pg_catalog.text[],
    row_query pg_catalog.text,
    id_column pg_catalog.name,
    compares pg_catalog.bool,
    is_in_queues pg_catalog.bool
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 4
AS $functions$
DECLARE
    head CONSTANT pg_catalog.text := pg_catalog.format($head$INSERT INTO runmeta.transition
            (adapter, run_id, is_deleted, status, attempt, error, task, parent_id, created_at, started_at, finished_at)
        SELECT %s, runmeta._noted(%L OPERATOR(pg_catalog.||) c.id)$head$, adapter, prefix);
    -- What is left of the columns after the id, for a row that is there and for one that is gone. The task and the
    -- parent are looked up for a new job only.
    there CONSTANT pg_catalog.text := ', false, c.status, c.attempt, c.error, NULL, NULL, NULL, c.started_at, c.finished_at';
    arrived CONSTANT pg_catalog.text := ', false, c.status, c.attempt, c.error, c.task, c.parent_id, c.created_at, c.started_at, c.finished_at';
    gone CONSTANT pg_catalog.text := ', true, c.deleted, c.attempt, NULL, NULL, NULL, NULL, NULL, NULL';
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
            IF NOT EXISTS (
                SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'
            ) THEN
                RAISE WARNING 'runmeta does not follow a change of jobs: its extension is not installed';
                RETURN NULL;
            END IF;
            {alone}INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
            VALUES (%s, TG_OP, {ids}, SQLSTATE, SQLERRM);
        EXCEPTION
            WHEN OTHERS THEN
                RAISE WARNING 'runmeta does not follow a change of jobs: %%', SQLERRM;
        END;
        RETURN NULL;$failed$, adapter);
    some_ids CONSTANT pg_catalog.text := pg_catalog.format(
        '(SELECT pg_catalog.array_agg(j.id) FROM (SELECT j.%I::pg_catalog.text AS id FROM jobs AS j LIMIT 100) AS j)', id_column);
    -- What is wrong with one job must not lose those of its statement; missing rights and columns concern all of them. By their
    -- ids, as no variable may have the type of the table: a function whose types are missing fails before it catches anything.
    one CONSTANT pg_catalog.text := pg_catalog.format(
        '(SELECT k.* FROM jobs AS k WHERE k.%I::pg_catalog.text OPERATOR(pg_catalog.=) _runmeta_id)', id_column);
    alone CONSTANT pg_catalog.text := pg_catalog.concat(pg_catalog.format(
        $alone$IF NOT pg_catalog.starts_with(SQLSTATE, '42') THEN
                FOR _runmeta_id IN SELECT j.%I::pg_catalog.text FROM jobs AS j LIMIT 1000 LOOP
                    BEGIN
                        IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
                            $alone$, id_column), head, gone, ' FROM (', pg_catalog.replace(row_query, '{jobs}', one), ') AS c', chosen, $alone$;
                        ELSE
                            $alone$, head, arrived, ' FROM (', pg_catalog.replace(row_query, '{jobs}', one), ') AS c', chosen,
        pg_catalog.format($alone$;
                        END IF;
                    EXCEPTION
                        WHEN OTHERS THEN
                            INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
                            VALUES (%s, TG_OP, ARRAY[_runmeta_id], SQLSTATE, SQLERRM);
                            _runmeta_failures := _runmeta_failures OPERATOR(pg_catalog.+) 1;
                            EXIT WHEN _runmeta_failures OPERATOR(pg_catalog.=) 100;
                    END;
                END LOOP;
                IF (SELECT pg_catalog.count(*) FROM jobs) OPERATOR(pg_catalog.<=) 1000 THEN
                    RETURN NULL;
                END IF;
            END IF;
            $alone$, adapter));
    frame CONSTANT pg_catalog.text := $frame$CREATE OR REPLACE FUNCTION %I.%I() RETURNS pg_catalog.trigger
LANGUAGE plpgsql
AS $runmeta$
DECLARE
    _runmeta_id pg_catalog.text;
    _runmeta_failures pg_catalog.int4 := 0;
BEGIN
    %s
    RETURN NULL;
%s
END
$runmeta$$frame$;
    statement pg_catalog.text;
BEGIN
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_follow_', adapter), pg_catalog.concat(
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
    END IF;$body$), pg_catalog.replace(pg_catalog.replace(failed, '{alone}', alone), '{ids}', some_ids));
    RETURN NEXT statement;

    -- For partitions that were made after the triggers: row triggers are cloned to them, statement triggers are not.
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_follow_row_', adapter), pg_catalog.concat(
        $body$IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        $body$, head, gone, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', '(SELECT OLD.*)'), ') AS c', chosen, $body$;
    ELSE
        $body$, head, arrived, E'\n        FROM (', pg_catalog.replace(row_query, '{jobs}', '(SELECT NEW.*)'), ') AS c', chosen, $body$;
    END IF;$body$), pg_catalog.replace(pg_catalog.replace(failed, '{alone}', ''), '{ids}', 'NULL'));
    RETURN NEXT statement;

    -- Before the rows are gone.
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_truncate_', adapter), pg_catalog.concat(
        'EXECUTE pg_catalog.format(', pg_catalog.quote_literal(pg_catalog.replace(pg_catalog.replace(
            pg_catalog.concat(head, gone, E'\n        FROM (', row_query, ') AS c', chosen),
            '%', '%%'), '{jobs}', 'ONLY %s')),
        ', TG_RELID::pg_catalog.regclass);'), pg_catalog.replace(pg_catalog.replace(failed, '{alone}', ''), '{ids}', 'NULL'));
    RETURN NEXT statement;

    -- A queue whose jobs have a partition of their own goes with that, which no trigger sees. What its jobs were is left in
    -- their runs, which are up to date behind follow().
    IF is_in_queues THEN
        statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_queue_', adapter), pg_catalog.format(
            $body$PERFORM runmeta.follow(1000000);
    INSERT INTO runmeta.transition (adapter, run_id, is_deleted, status)
        SELECT %s, runmeta._noted(r.id), true, 'cancelled'
        FROM runmeta.run AS r
        WHERE r.task OPERATOR(pg_catalog.=) OLD.name AND r.finished_at IS NULL AND pg_catalog.starts_with(r.id, %L);$body$,
            adapter, prefix), pg_catalog.replace(pg_catalog.replace(failed, '{alone}', ''), '{ids}', 'NULL'));
        RETURN NEXT statement;
    END IF;
END
$functions$;

COMMENT ON FUNCTION runmeta._adapter_functions IS 'statements that make the trigger functions of an adapter';

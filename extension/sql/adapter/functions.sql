-- _adapter_functions

-- Statements that make the trigger functions of an adapter, in the queue's schema: they go with it, and are dumped with it.
-- They run with the rights of whoever changes a job, who can read the queue's other tables. Their names have the number of the
-- adapter, because a schema may have several queues.
--
-- row_list says what a row means. Where compares is true, an update is recorded only for rows of which that changed:
-- procrastinate updates all jobs that a worker had when it ends. It takes 10 µs a row more.
CREATE FUNCTION runmeta._adapter_functions(
    adapter pg_catalog.int4,
    schema pg_catalog.text,
    prefix pg_catalog.text,
    tasks pg_catalog.text[],
    row_list pg_catalog.text,
    id_column pg_catalog.name,
    compares pg_catalog.bool,
    is_in_queues pg_catalog.bool
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 4
AS $functions$
DECLARE
    -- Each job is recorded in the condition of a query, which has no rows by it: what is before the columns after the id, and behind.
    begins CONSTANT pg_catalog.text := pg_catalog.concat(E') AS c\n        WHERE ', CASE WHEN tasks IS NOT NULL THEN
            pg_catalog.format('CASE WHEN c.task OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[]) THEN ', tasks) END,
        pg_catalog.format('runmeta._record_change(%s, %L OPERATOR(pg_catalog.||) c.id, ', adapter, prefix));
    ends CONSTANT pg_catalog.text := CASE WHEN tasks IS NULL THEN ')' ELSE ') END' END;
    -- Of a row that is there and of one that is gone. The task and the parent of a job that is there already make its run where
    -- nobody saw it arrive. Looking them up costs, but where rows are compared by them: it is done once an attempt.
    there CONSTANT pg_catalog.text := pg_catalog.concat(begins, CASE WHEN compares
        THEN 'false, c.status, c.attempt, c.error, c.task, c.parent_id, c.created_at, c.started_at, c.finished_at'
        ELSE $there$false, c.status, c.attempt, c.error, CASE WHEN c.status OPERATOR(pg_catalog.=) 'running' THEN c.task END,
            CASE WHEN c.status OPERATOR(pg_catalog.=) 'running' THEN c.parent_id END, c.created_at, c.started_at, c.finished_at$there$ END,
        ends);
    arrived CONSTANT pg_catalog.text := pg_catalog.concat(begins,
        'false, c.status, c.attempt, c.error, c.task, c.parent_id, c.created_at, c.started_at, c.finished_at', ends);
    gone CONSTANT pg_catalog.text := pg_catalog.concat(begins, 'true, c.deleted, c.attempt, NULL, NULL, NULL, NULL, NULL, NULL', ends);
    -- Where deleting a job means that it is done, emptying the table does not.
    emptied CONSTANT pg_catalog.text := pg_catalog.concat(begins,
        'true, ''cancelled'', c.attempt, NULL, NULL, NULL, NULL, NULL, NULL', ends);
    present CONSTANT pg_catalog.text := runmeta._adapter_rows(row_list, 'jobs');
    changed CONSTANT pg_catalog.text := CASE WHEN compares
        THEN pg_catalog.concat(present, E'\nEXCEPT ALL\n', runmeta._adapter_rows(row_list, 'old_jobs')) ELSE present END;
    -- Rows that are compared by hashing are all kept in memory: 70 MB for 100,000. Many are sorted on disk.
    many CONSTANT pg_catalog.text := CASE WHEN compares THEN pg_catalog.concat(
        $many$ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND EXISTS (SELECT FROM jobs OFFSET 5000) THEN
        _runmeta_hashagg := pg_catalog.current_setting('enable_hashagg');
        PERFORM pg_catalog.set_config('enable_hashagg', 'off', true);
        EXECUTE $many$, pg_catalog.quote_literal(pg_catalog.concat('SELECT FROM (', changed, there)), $many$;
        PERFORM pg_catalog.set_config('enable_hashagg', _runmeta_hashagg, true);
    $many$) END;
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
            VALUES (%1$s, TG_OP, {ids}, SQLSTATE, SQLERRM);
        EXCEPTION
            -- The column of the id may be the one that is gone.
            WHEN undefined_column THEN
                BEGIN
                    INSERT INTO runmeta.adapter_failure (adapter, operation, sqlstate, message)
                    VALUES (%1$s, TG_OP, SQLSTATE, SQLERRM);
                EXCEPTION
                    WHEN OTHERS THEN
                        RAISE WARNING 'runmeta does not follow a change of jobs: %%', SQLERRM;
                END;
            WHEN OTHERS THEN
                RAISE WARNING 'runmeta does not follow a change of jobs: %%', SQLERRM;
        END;
        RETURN NULL;$failed$, adapter);
    some_ids CONSTANT pg_catalog.text := pg_catalog.format(
        '(SELECT pg_catalog.array_agg(j.id) FROM (SELECT j.%I::pg_catalog.text AS id FROM jobs AS j LIMIT 100) AS j)', id_column);
    -- What is wrong with one job must not lose those of its statement; missing rights and columns, locks and memory concern all of
    -- them. By their places, as no variable may have the type of the table: a function whose types are missing fails before it
    -- catches anything. And to find them by their ids took 20 s for 50,000.
    one CONSTANT pg_catalog.text := '(SELECT k.* FROM jobs AS k OFFSET _runmeta_place LIMIT 1)';
    alone CONSTANT pg_catalog.text := pg_catalog.concat(
        $alone$IF pg_catalog."left"(SQLSTATE, 2) OPERATOR(pg_catalog.<>) ALL (ARRAY['40', '42', '53', '54', '55', '57', '58']::pg_catalog.text[]) THEN
                _runmeta_count := (SELECT pg_catalog.count(*) FROM jobs);
                FOR _runmeta_place IN 0 .. LEAST(_runmeta_count, 1000) OPERATOR(pg_catalog.-) 1 LOOP
                    BEGIN
                        IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
                            PERFORM FROM ($alone$, runmeta._adapter_rows(row_list, one), gone, $alone$;
                        ELSE
                            PERFORM FROM ($alone$, runmeta._adapter_rows(row_list, one), arrived,
        pg_catalog.format($alone$;
                        END IF;
                    EXCEPTION
                        WHEN OTHERS THEN
                            INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
                            VALUES (%s, TG_OP, ARRAY(SELECT k.%I::pg_catalog.text FROM %s AS k), SQLSTATE, SQLERRM);
                            _runmeta_failures := _runmeta_failures OPERATOR(pg_catalog.+) 1;
                            EXIT WHEN _runmeta_failures OPERATOR(pg_catalog.=) 100;
                    END;
                END LOOP;
                IF _runmeta_count OPERATOR(pg_catalog.<=) 1000 THEN
                    RETURN NULL;
                END IF;
            END IF;
            $alone$, adapter, id_column, one));
    frame CONSTANT pg_catalog.text := $frame$CREATE OR REPLACE FUNCTION %I.%I() RETURNS pg_catalog.trigger
LANGUAGE plpgsql
AS $runmeta$
DECLARE
    _runmeta_count pg_catalog.int8;
    _runmeta_failures pg_catalog.int4 := 0;
    _runmeta_hashagg pg_catalog.text;
BEGIN
    %s
    RETURN NULL;
%s
END
$runmeta$$frame$;
    statement pg_catalog.text;
BEGIN
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_follow_', adapter), pg_catalog.concat(
        -- Half of all updates of a queue are polls that find no job. To look for one takes 3 µs of processor time, as long as
        -- the statement without a job, unless it compares rows.
        CASE WHEN compares THEN $body$IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND NOT EXISTS (SELECT FROM jobs) THEN
        RETURN NULL;
    END IF;
    $body$ END, $body$IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
        PERFORM FROM ($body$, present, arrived, $body$;
    $body$, many, $body$ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
        PERFORM FROM ($body$, changed, there, $body$;
    ELSE
        PERFORM FROM ($body$, present, gone, $body$;
    END IF;$body$), pg_catalog.replace(pg_catalog.replace(failed, '{ids}', some_ids), '{alone}', alone));
    RETURN NEXT statement;

    -- For partitions that were made after the triggers: row triggers are cloned to them, statement triggers are not.
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_follow_row_', adapter), pg_catalog.concat(
        $body$IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        PERFORM FROM ($body$, runmeta._adapter_rows(row_list, '(SELECT OLD.*)'), gone, $body$;
    ELSE
        PERFORM FROM ($body$, runmeta._adapter_rows(row_list, '(SELECT NEW.*)'), arrived, $body$;
    END IF;$body$), pg_catalog.replace(pg_catalog.replace(failed, '{ids}', 'NULL'), '{alone}', ''));
    RETURN NEXT statement;

    -- Before the rows are gone.
    statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_truncate_', adapter), pg_catalog.concat(
        'EXECUTE pg_catalog.format(', pg_catalog.quote_literal(pg_catalog.concat('SELECT FROM (',
            runmeta._adapter_rows(pg_catalog.replace(row_list, '%', '%%'), 'ONLY %s'), pg_catalog.replace(emptied, '%', '%%'))),
        ', TG_RELID::pg_catalog.regclass);'), pg_catalog.replace(pg_catalog.replace(failed, '{ids}', 'NULL'), '{alone}', ''));
    RETURN NEXT statement;

    -- A queue whose jobs have a partition of their own goes with that, which no trigger sees. Which jobs these were is found in
    -- their runs, later: a row for no run stands for all of them.
    IF is_in_queues THEN
        statement := pg_catalog.format(frame, schema, pg_catalog.concat('_runmeta_queue_', adapter), pg_catalog.format(
            $body$INSERT INTO runmeta.transition (adapter, run_id, is_deleted, status, task)
        VALUES (%s, runmeta._noted(''), true, 'cancelled', pg_catalog."left"(OLD.name, 256));$body$, adapter),
            pg_catalog.replace(pg_catalog.replace(failed, '{ids}', 'NULL'), '{alone}', ''));
        RETURN NEXT statement;
    END IF;
END
$functions$;

COMMENT ON FUNCTION runmeta._adapter_functions IS 'statements that make the trigger functions of an adapter';

-- adapt

-- Makes triggers on the table of jobs, so it needs the rights of the table's owner, and those of the owner of runmeta's
-- tables to register the queue. Nothing changes in the queue until the transaction ends, so that what is recorded for
-- jobs that exist already is complete. What is not given stays as it was given before, and so does each member of mapping
-- and of its statuses; null takes one away.
CREATE FUNCTION runmeta.adapt(
    queue pg_catalog.text,
    schema pg_catalog.text DEFAULT NULL,
    prefix pg_catalog.text DEFAULT NULL,
    tasks pg_catalog.text[] DEFAULT NULL,
    metadata pg_catalog.jsonb DEFAULT NULL,
    parent pg_catalog.text DEFAULT NULL,
    table_name pg_catalog.text DEFAULT NULL,
    mapping pg_catalog.jsonb DEFAULT NULL,
    keep pg_catalog.interval DEFAULT NULL,
    dry_run pg_catalog.bool DEFAULT false
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
-- Whoever waits for a lock on the table of jobs holds up all who come behind it.
SET lock_timeout = '5s'
AS $adapt$
DECLARE
    executes CONSTANT pg_catalog.bool := NOT COALESCE(adapt.dry_run, false);
    own record;
    kept record;
    merged pg_catalog.jsonb;
    other record;
    jobs pg_catalog.regclass;
    statement pg_catalog.text;
BEGIN
    IF pg_catalog.jsonb_typeof(COALESCE(adapt.metadata, '{}')) OPERATOR(pg_catalog.<>) 'object' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'metadata is no object',
            HINT = 'Give a JSON object.';
    END IF;
    IF pg_catalog.jsonb_typeof(COALESCE(adapt.mapping, '{}')) OPERATOR(pg_catalog.<>) 'object'
        OR pg_catalog.jsonb_typeof(adapt.mapping OPERATOR(pg_catalog.->) 'statuses') OPERATOR(pg_catalog.<>) ALL ('{object,"null"}')
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'mapping or its statuses are no object',
            HINT = 'Give a JSON object, as in {"id": "id", "status": "state", "statuses": {"done": "completed"}}.';
    END IF;
    IF adapt.keep OPERATOR(pg_catalog.>) '100 years' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'keep is longer than 100 years',
            HINT = 'A negative interval, as in -1, keeps runs until somebody prunes them.';
    END IF;
    IF adapt.keep OPERATOR(pg_catalog.>) '0' AND adapt.keep OPERATOR(pg_catalog.<) '1 hour' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('keep is %s, which is less than an hour', adapt.keep),
            DETAIL = 'Runs that finished less than an hour ago are never pruned. A number without a unit is one of seconds.',
            HINT = 'Give a unit, as in 7 days. 0 prunes as soon as that can be.';
    END IF;
    IF executes THEN
        -- With one snapshot, jobs would be read as they were before their table was locked.
        IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) ALL (
            ARRAY['read committed', 'read uncommitted']::pg_catalog.text[]) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_transaction_state',
                MESSAGE = 'jobs cannot be read as they are now in a transaction with one snapshot',
                HINT = 'Call runmeta.adapt() in a transaction that is READ COMMITTED.';
        END IF;
        LOCK TABLE runmeta.adapter IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    SELECT COALESCE(pg_catalog.jsonb_strip_nulls(
        COALESCE(k.mapping, '{}') OPERATOR(pg_catalog.||) adapt.mapping OPERATOR(pg_catalog.||) CASE
            WHEN pg_catalog.jsonb_typeof(adapt.mapping OPERATOR(pg_catalog.->) 'statuses') OPERATOR(pg_catalog.=) 'object'
            THEN pg_catalog.jsonb_build_object('statuses', COALESCE(k.mapping OPERATOR(pg_catalog.->) 'statuses', '{}')
                OPERATOR(pg_catalog.||) (adapt.mapping OPERATOR(pg_catalog.->) 'statuses'))
            ELSE '{}'
        END), k.mapping)
    INTO merged
    FROM (VALUES (1)) AS one
    LEFT JOIN runmeta.adapter AS k
        ON k.table_schema OPERATOR(pg_catalog.=) COALESCE(adapt.schema, 'public')
        AND k.table_name OPERATOR(pg_catalog.=) adapt.table_name;
    -- For its names, by which the adapter is found.
    SELECT q.schema, q.table_name INTO STRICT own
    FROM runmeta._adapter_queue(adapt.queue, adapt.schema, adapt.table_name, NULL, '', merged) AS q;
    jobs := pg_catalog.to_regclass(pg_catalog.format('%I.%I', own.schema, own.table_name));
    IF jobs IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_table',
            MESSAGE = pg_catalog.format('there is no table "%s"."%s"', own.schema, own.table_name),
            DETAIL = CASE WHEN adapt.queue OPERATOR(pg_catalog.=) 'table' THEN 'It was named as the table of jobs.'
                ELSE pg_catalog.format('It is where %s keeps its jobs.', adapt.queue) END,
            HINT = 'Have the queue make its tables first, and name its schema if it is another one.';
    END IF;
    SELECT
        -- Functions with the number of an adapter that is gone may be left, where their schema was renamed for instance.
        COALESCE(a.id, GREATEST(
            (SELECT COALESCE(pg_catalog.max(o.id), 0) FROM runmeta.adapter AS o),
            (SELECT COALESCE(pg_catalog.max(pg_catalog."substring"(p.proname::pg_catalog.text, '[0-9]+$')::pg_catalog.int4), 0)
                FROM pg_catalog.pg_proc AS p
                WHERE p.proname::pg_catalog.text OPERATOR(pg_catalog.~) '^_runmeta_follow_[0-9]{1,6}$')
        ) OPERATOR(pg_catalog.+) 1) AS id,
        COALESCE(adapt.prefix, a.prefix, CASE
            WHEN adapt.queue OPERATOR(pg_catalog.=) 'pgmq' THEN pg_catalog.concat('pgmq:', pg_catalog.regexp_replace(own.table_name, '^q_', ''), ':')
            WHEN adapt.queue OPERATOR(pg_catalog.=) 'table' THEN pg_catalog.concat(own.table_name, ':')
            ELSE pg_catalog.concat(adapt.queue, ':') END) AS prefix,
        CASE WHEN adapt.tasks IS NULL THEN a.tasks
            WHEN pg_catalog.cardinality(adapt.tasks) OPERATOR(pg_catalog.>) 0 THEN adapt.tasks END AS tasks,
        COALESCE(adapt.metadata, a.metadata, '{}') AS metadata,
        CASE WHEN adapt.parent IS NULL THEN a.parent
            WHEN adapt.parent OPERATOR(pg_catalog.<>) '' THEN adapt.parent END AS parent,
        COALESCE(merged, a.mapping) AS mapping,
        CASE WHEN adapt.keep IS NULL THEN a.keep
            WHEN adapt.keep OPERATOR(pg_catalog.>=) '0' THEN adapt.keep END AS keep
    INTO STRICT kept
    FROM (VALUES (1)) AS one
    LEFT JOIN runmeta.adapter AS a
        ON a.table_schema OPERATOR(pg_catalog.=) own.schema AND a.table_name OPERATOR(pg_catalog.=) own.table_name;
    SELECT q.schema, q.table_name, q.row_list, q.id_column, q.compares, CASE WHEN q.queues IS NOT NULL
        THEN pg_catalog.to_regclass(pg_catalog.format('%I.%I', q.schema, q.queues)) END AS queues
    INTO STRICT own
    FROM runmeta._adapter_queue(
        adapt.queue, adapt.schema, adapt.table_name, kept.parent, kept.prefix, kept.mapping) AS q;
    -- The table of jobs has its triggers once, and so has each of its partitions.
    SELECT a.queue, a.table_schema, a.table_name INTO other
    FROM runmeta.adapter AS a
    WHERE a.id OPERATOR(pg_catalog.=) kept.id AND a.queue OPERATOR(pg_catalog.<>) adapt.queue
        OR a.id OPERATOR(pg_catalog.<>) kept.id AND EXISTS (
            SELECT FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_proc AS p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
            JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
            WHERE (t.tgrelid OPERATOR(pg_catalog.=) jobs
                    OR t.tgrelid IN (SELECT m.relid FROM pg_catalog.pg_partition_tree(jobs) AS m))
                AND n.nspname OPERATOR(pg_catalog.=) a.table_schema
                AND p.proname OPERATOR(pg_catalog.=) ANY (ARRAY[
                    pg_catalog.concat('_runmeta_follow_', a.id), pg_catalog.concat('_runmeta_follow_row_', a.id)]::pg_catalog.name[]))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = pg_catalog.format('another adapter follows jobs of "%s"."%s"', own.schema, own.table_name),
            DETAIL = pg_catalog.format('It is that of %s on "%s"."%s".', other.queue, other.table_schema, other.table_name),
            HINT = 'Remove that one first, with runmeta.unadapt().';
    END IF;
    SELECT a.queue, a.table_schema, a.table_name INTO other
    FROM runmeta.adapter AS a
    WHERE a.prefix OPERATOR(pg_catalog.=) kept.prefix AND a.id OPERATOR(pg_catalog.<>) kept.id;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            MESSAGE = pg_catalog.format('another adapter has the prefix "%s"', kept.prefix),
            DETAIL = pg_catalog.format('It is that of %s on "%s"."%s", and two jobs with one id would have the same run.',
                other.queue, other.table_schema, other.table_name),
            HINT = 'Give this one a prefix of its own.';
    END IF;
    FOR statement IN
        -- The statements of a dry run may be for another database, or come after another script: triggers record this number.
        SELECT pg_catalog.format(
            $check$DO $runmeta$
BEGIN
    IF EXISTS (SELECT FROM runmeta.adapter AS a
        WHERE (a.id OPERATOR(pg_catalog.=) %s) OPERATOR(pg_catalog.<>)
            (a.table_schema OPERATOR(pg_catalog.=) %L AND a.table_name OPERATOR(pg_catalog.=) %L))
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            MESSAGE = 'these statements were made for other adapters than there are',
            HINT = 'Have runmeta.adapt() make them anew, by dry_run in this database.';
    END IF;
END
$runmeta$$check$, kept.id, own.schema, own.table_name)
        UNION ALL
        SELECT pg_catalog.format(
            'INSERT INTO runmeta.adapter (id, queue, table_schema, table_name, prefix, tasks, metadata, parent, mapping, keep) '
            'VALUES (%L, %L, %L, %L, %L, %L, %L, %L, %L, %L) ON CONFLICT ON CONSTRAINT adapter_pkey DO UPDATE '
            'SET prefix = excluded.prefix, tasks = excluded.tasks, metadata = excluded.metadata, parent = excluded.parent, '
            'mapping = excluded.mapping, keep = excluded.keep',
            kept.id, adapt.queue, own.schema, own.table_name, kept.prefix, kept.tasks, kept.metadata, kept.parent, kept.mapping,
            kept.keep)
        UNION ALL
        SELECT f FROM runmeta._adapter_functions(
            kept.id, own.schema, kept.prefix, kept.tasks, own.row_list, own.id_column, own.compares,
            own.queues IS NOT NULL) AS f
        UNION ALL
        SELECT t FROM runmeta._adapter_triggers(kept.id, jobs, own.compares, own.queues) AS t
        UNION ALL
        SELECT runmeta._adapter_sync(kept.id, jobs, kept.prefix, kept.tasks, own.row_list)
        UNION ALL
        SELECT l FROM runmeta._adapter_lost(kept.id, jobs, kept.prefix, own.id_column) AS l
    LOOP
        IF executes THEN
            EXECUTE statement;
        END IF;
        RETURN NEXT statement;
    END LOOP;
END
$adapt$;

COMMENT ON FUNCTION runmeta.adapt IS 'have runs follow the jobs of a queue, and return the statements that do it';

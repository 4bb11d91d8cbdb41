-- _adapter_triggers

-- Statements that attach the trigger functions of an adapter to the table of jobs and to each of its partitions, because a
-- statement that names a partition fires no statement triggers of the table above it, and one that names the table above
-- fires none of the partitions. A second time they change nothing but for partitions that are new.
CREATE FUNCTION runmeta._adapter_triggers(
    adapter pg_catalog.int4,
    jobs pg_catalog.regclass,
    compares pg_catalog.bool,
    queues pg_catalog.regclass
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4
AS $triggers$
DECLARE
    template CONSTANT pg_catalog.text := 'CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION %I.%I()';
    follow CONSTANT pg_catalog.text := pg_catalog.concat('_runmeta_follow_', adapter);
    own record;
    part record;
    statement pg_catalog.text;
BEGIN
    SELECT n.nspname AS schema, c.relkind OPERATOR(pg_catalog.=) 'p' AS is_partitioned
    INTO STRICT own
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE c.oid OPERATOR(pg_catalog.=) jobs;
    IF own.is_partitioned THEN
        statement := pg_catalog.format(
            'CREATE OR REPLACE TRIGGER _runmeta_row AFTER INSERT OR UPDATE OR DELETE ON %s '
            'FOR EACH ROW EXECUTE FUNCTION %I.%I()', jobs, own.schema, pg_catalog.concat('_runmeta_follow_row_', adapter));
        RETURN NEXT statement;
    END IF;
    FOR part IN
        SELECT t.relid AS relation, t.isleaf FROM pg_catalog.pg_partition_tree(jobs) AS t
        UNION ALL
        SELECT jobs, true WHERE NOT own.is_partitioned
    LOOP
        statement := pg_catalog.format(template, '_runmeta_insert', 'INSERT', part.relation,
            'NEW TABLE AS jobs', own.schema, follow);
        RETURN NEXT statement;
        statement := pg_catalog.format(template, '_runmeta_update', 'UPDATE', part.relation,
            CASE WHEN compares THEN 'NEW TABLE AS jobs OLD TABLE AS old_jobs' ELSE 'NEW TABLE AS jobs' END, own.schema, follow);
        RETURN NEXT statement;
        statement := pg_catalog.format(template, '_runmeta_delete', 'DELETE', part.relation,
            'OLD TABLE AS jobs', own.schema, follow);
        RETURN NEXT statement;
        IF part.isleaf THEN
            statement := pg_catalog.format(
                'CREATE OR REPLACE TRIGGER _runmeta_truncate BEFORE TRUNCATE ON %s '
                'FOR EACH STATEMENT EXECUTE FUNCTION %I.%I()',
                part.relation, own.schema, pg_catalog.concat('_runmeta_truncate_', adapter));
            RETURN NEXT statement;
        END IF;
        IF own.is_partitioned AND part.isleaf THEN
            statement := pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER _runmeta_row', part.relation);
            RETURN NEXT statement;
        END IF;
    END LOOP;
    IF queues IS NOT NULL THEN
        statement := pg_catalog.format(
            'CREATE OR REPLACE TRIGGER _runmeta_queue AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %I.%I()',
            queues, own.schema, pg_catalog.concat('_runmeta_queue_', adapter));
        RETURN NEXT statement;
    END IF;
END
$triggers$;

COMMENT ON FUNCTION runmeta._adapter_triggers IS 'statements that attach the trigger functions of an adapter';

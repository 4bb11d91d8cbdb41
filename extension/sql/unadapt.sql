-- unadapt

-- Runs stay, and what their jobs did before is still applied to them.
CREATE FUNCTION runmeta.unadapt(
    queue pg_catalog.text,
    schema pg_catalog.text DEFAULT NULL,
    table_name pg_catalog.text DEFAULT NULL,
    dry_run pg_catalog.bool DEFAULT false
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
-- That triggers go with their functions is no news.
SET client_min_messages = 'warning'
SET lock_timeout = '5s'
AS $unadapt$
DECLARE
    own record;
    statement pg_catalog.text;
BEGIN
    -- As adapt does, before the locks on functions and triggers.
    IF NOT COALESCE(unadapt.dry_run, false) THEN
        LOCK TABLE runmeta.adapter IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    SELECT pg_catalog.count(*) AS adapters, pg_catalog.min(a.id) AS id, pg_catalog.min(a.table_schema) AS schema INTO STRICT own
    FROM runmeta.adapter AS a
    WHERE a.queue OPERATOR(pg_catalog.=) unadapt.queue
        AND (unadapt.schema IS NULL OR a.table_schema OPERATOR(pg_catalog.=) unadapt.schema)
        AND (unadapt.table_name IS NULL OR a.table_name OPERATOR(pg_catalog.=) unadapt.table_name);
    IF own.adapters OPERATOR(pg_catalog.<>) 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = pg_catalog.format(CASE WHEN own.adapters OPERATOR(pg_catalog.=) 0
                THEN 'queue "%s" is not adapted' ELSE '"%s" is adapted more than once' END,
                COALESCE(unadapt.table_name, unadapt.queue)),
            HINT = 'SELECT * FROM runmeta.adapter shows what is adapted: name the schema and the table.';
    END IF;
    FOR statement IN
        -- With its functions the triggers go, on all partitions, and where a table has been dropped there is nothing to do.
        SELECT pg_catalog.format('DROP FUNCTION %I.%I() CASCADE', n.nspname, p.proname)
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE n.nspname OPERATOR(pg_catalog.=) own.schema
            AND p.proname OPERATOR(pg_catalog.=) ANY (ARRAY[
                pg_catalog.concat('_runmeta_follow_', own.id), pg_catalog.concat('_runmeta_follow_row_', own.id),
                pg_catalog.concat('_runmeta_truncate_', own.id), pg_catalog.concat('_runmeta_queue_', own.id)
            ]::pg_catalog.name[])
            AND p.pronargs OPERATOR(pg_catalog.=) 0::pg_catalog.int2
        UNION ALL
        SELECT pg_catalog.format('DELETE FROM runmeta.adapter WHERE id OPERATOR(pg_catalog.=) %s', own.id)
    LOOP
        IF NOT COALESCE(unadapt.dry_run, false) THEN
            EXECUTE statement;
        END IF;
        RETURN NEXT statement;
    END LOOP;
END
$unadapt$;

COMMENT ON FUNCTION runmeta.unadapt IS 'have runs follow the jobs of a queue no more, and return the statements that do it';

-- unadapt

-- Runs stay, and what their jobs did before is still applied to them.
CREATE FUNCTION runmeta.unadapt(
    queue pg_catalog.text,
    schema pg_catalog.text DEFAULT NULL,
    dry_run pg_catalog.bool DEFAULT false
) RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
AS $unadapt$
DECLARE
    own record;
    statement pg_catalog.text;
BEGIN
    SELECT q.schema, q.table_name INTO STRICT own FROM runmeta._adapter_queue(unadapt.queue, unadapt.schema) AS q;
    FOR statement IN
        -- With its functions the triggers go, on all partitions, and where a table has been dropped there is nothing to do.
        SELECT pg_catalog.format('DROP FUNCTION %I.%I() CASCADE', n.nspname, p.proname)
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE n.nspname OPERATOR(pg_catalog.=) own.schema
            AND p.proname OPERATOR(pg_catalog.=) ANY (
                ARRAY['_runmeta_follow', '_runmeta_follow_row', '_runmeta_truncate']::pg_catalog.name[])
            AND p.pronargs OPERATOR(pg_catalog.=) 0::pg_catalog.int2
    LOOP
        IF NOT COALESCE(unadapt.dry_run, false) THEN
            EXECUTE statement;
        END IF;
        RETURN NEXT statement;
    END LOOP;
    IF NOT COALESCE(unadapt.dry_run, false) THEN
        DELETE FROM runmeta.adapter AS a
        WHERE a.table_schema OPERATOR(pg_catalog.=) own.schema AND a.table_name OPERATOR(pg_catalog.=) own.table_name;
    END IF;
END
$unadapt$;

COMMENT ON FUNCTION runmeta.unadapt IS 'have runs follow the jobs of a queue no more, and return the statements that do it';

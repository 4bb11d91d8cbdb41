-- What runmeta.unadapt returns, where the extension is gone and its tables are not: the statements for each adapter that is meant.
SELECT ARRAY(
    SELECT pg_catalog.format('DROP FUNCTION %I.%I() CASCADE', n.nspname, p.proname)
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    WHERE n.nspname OPERATOR(pg_catalog.=) a.table_schema
        AND p.proname OPERATOR(pg_catalog.=) ANY (ARRAY[
            pg_catalog.concat('_runmeta_follow_', a.id), pg_catalog.concat('_runmeta_follow_row_', a.id),
            pg_catalog.concat('_runmeta_truncate_', a.id), pg_catalog.concat('_runmeta_queue_', a.id)
        ]::pg_catalog.name[])
        AND p.pronargs OPERATOR(pg_catalog.=) 0::pg_catalog.int2
    UNION ALL
    SELECT pg_catalog.format('DELETE FROM runmeta.adapter WHERE id OPERATOR(pg_catalog.=) %s', a.id)
)
FROM runmeta.adapter AS a
WHERE a.queue OPERATOR(pg_catalog.=) $1
    AND ($2::pg_catalog.text IS NULL OR a.table_schema OPERATOR(pg_catalog.=) $2)
    AND ($3::pg_catalog.text IS NULL OR a.table_name OPERATOR(pg_catalog.=) $3)

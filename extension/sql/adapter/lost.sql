-- _adapter_lost

-- Statement that records that jobs are gone whose runs have not finished: they were deleted while nobody saw it, or with their
-- table. None where ids are texts: then a run that a job has started under a name of its own could not be told from them.
CREATE FUNCTION runmeta._adapter_lost(
    adapter pg_catalog.int4,
    jobs pg_catalog.regclass,
    prefix pg_catalog.text,
    id_column pg_catalog.name
) RETURNS SETOF pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
AS $query$
SELECT pg_catalog.format($lost$INSERT INTO runmeta.transition (adapter, run_id, is_deleted, status)
SELECT %1$s, runmeta._noted(r.id), true, 'cancelled'
-- By itself: Citus reads the runs from its nodes, and what is around them here.
FROM (
    SELECT f.id FROM runmeta.run AS f
    WHERE f.finished_at IS NULL AND pg_catalog.starts_with(f.id, %2$L)
        AND pg_catalog.substr(f.id, %3$s) OPERATOR(pg_catalog.~) %4$L
    OFFSET 0
) AS r
WHERE NOT EXISTS (SELECT FROM %5$I.%6$I AS j
        WHERE (%2$L OPERATOR(pg_catalog.||) j.%7$I::pg_catalog.text) COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) r.id)$lost$,
    adapter, prefix, pg_catalog.length(prefix) OPERATOR(pg_catalog.+) 1,
    CASE WHEN a.atttypid OPERATOR(pg_catalog.=) 'pg_catalog.uuid'::pg_catalog.regtype
        THEN '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' ELSE '^[0-9]+$' END,
    n.nspname, t.relname, id_column)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) t.relnamespace
WHERE a.attrelid OPERATOR(pg_catalog.=) jobs AND a.attname OPERATOR(pg_catalog.=) id_column
    AND a.atttypid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.uuid', 'pg_catalog.int2', 'pg_catalog.int4',
        'pg_catalog.int8']::pg_catalog.regtype[])
    -- A policy would run what the owner of the table put into it, and hide jobs.
    AND NOT pg_catalog.row_security_active(jobs::pg_catalog.oid)
$query$;

COMMENT ON FUNCTION runmeta._adapter_lost IS 'statement that records which jobs of a queue are gone';

-- rollup

CREATE FUNCTION runmeta.rollup(
    run_id pg_catalog.text,
    key pg_catalog.text,
    depth pg_catalog.int4 DEFAULT NULL,
    task pg_catalog.text DEFAULT NULL,
    include_self pg_catalog.bool DEFAULT false
) RETURNS TABLE (
    count pg_catalog.int8,
    sum pg_catalog.numeric,
    min pg_catalog.numeric,
    max pg_catalog.numeric,
    average pg_catalog.numeric,
    missing pg_catalog.int8,
    not_numbers pg_catalog.int8
)
LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
AS $rollup$
    SELECT e.count, e.sum, e.min, e.max, e.average, e.missing, e.not_numbers
    FROM runmeta.rollup_each(ARRAY[run_id], key, depth, task, include_self) AS e
$rollup$;

COMMENT ON FUNCTION runmeta.rollup IS
    'count, sum, minimum, maximum and average of the numbers at a key in the runs below a run';

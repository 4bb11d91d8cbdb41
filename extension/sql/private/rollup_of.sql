-- _rollup_of

-- In place of the statement of rollup_each() where Citus has distributed the tables: there each statement is for one tree, and is
-- planned for it. Values are taken out of documents where these are.
CREATE FUNCTION runmeta._rollup_of(
    run_id pg_catalog.text,
    key pg_catalog.text,
    depth pg_catalog.int4,
    task pg_catalog.text,
    include_self pg_catalog.bool
) RETURNS TABLE (
    count pg_catalog.int8,
    sum pg_catalog.numeric,
    min pg_catalog.numeric,
    max pg_catalog.numeric,
    average pg_catalog.numeric,
    missing pg_catalog.int8,
    not_numbers pg_catalog.int8
)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 1
SET plan_cache_mode TO force_custom_plan
AS $rollup_of$
DECLARE
    root CONSTANT pg_catalog.text := runmeta._root_of(_rollup_of.run_id);
    ids CONSTANT pg_catalog.text[] := ARRAY(
        SELECT f.id FROM runmeta._family(_rollup_of.run_id) AS f
        WHERE (f.distance OPERATOR(pg_catalog.>) 0 OR _rollup_of.include_self)
            AND (_rollup_of.depth IS NULL OR f.distance OPERATOR(pg_catalog.<=) _rollup_of.depth)
    );
BEGIN
    IF root IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT pg_catalog.count(n.number), pg_catalog.sum(n.number), pg_catalog.min(n.number), pg_catalog.max(n.number),
            pg_catalog.avg(n.number), pg_catalog.count(*) FILTER (WHERE n.value IS NULL),
            pg_catalog.count(*) FILTER (WHERE n.value IS NOT NULL AND n.number IS NULL)
        FROM (
            SELECT v.value, CASE
                WHEN v.value OPERATOR(pg_catalog.>=) '-1e100000'::pg_catalog.jsonb
                        AND v.value OPERATOR(pg_catalog.<=) '1e100000'::pg_catalog.jsonb
                    THEN v.value::pg_catalog.numeric
            END AS number
            FROM (
                SELECT runmeta._value_at(r.metadata::pg_catalog.jsonb, _rollup_of.key) AS value
                FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C"
                    AND r.id OPERATOR(pg_catalog.=) ANY (ids)
                    AND (_rollup_of.task IS NULL
                        OR r.task::pg_catalog.text OPERATOR(pg_catalog.=) _rollup_of.task COLLATE pg_catalog."C")
                OFFSET 0
            ) AS v
        ) AS n;
END
$rollup_of$;

COMMENT ON FUNCTION runmeta._rollup_of IS 'rollup of one run where tables are distributed; no row if there is none';

-- rollup

CREATE FUNCTION runmeta.rollup(
    run_id pg_catalog.text,
    key pg_catalog.text,
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
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1
AS $rollup$
BEGIN
    PERFORM FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) rollup.run_id COLLATE pg_catalog."C";
    IF NOT FOUND THEN
        PERFORM runmeta._no_such_run(rollup.run_id);
    END IF;
    -- A path that is none is refused even if there is no run to look at.
    PERFORM runmeta._value_at('{}', rollup.key);
    RETURN QUERY
        SELECT pg_catalog.count(v.number), pg_catalog.sum(v.number), pg_catalog.min(v.number),
            pg_catalog.max(v.number), pg_catalog.avg(v.number),
            pg_catalog.count(*) FILTER (WHERE v.kind IS NULL),
            pg_catalog.count(*) FILTER (WHERE v.kind OPERATOR(pg_catalog.<>) 'number')
        FROM runmeta._family(rollup.run_id) AS f
        CROSS JOIN LATERAL (
            SELECT pg_catalog.jsonb_typeof(a.value) AS kind,
                CASE
                    WHEN pg_catalog.jsonb_typeof(a.value) OPERATOR(pg_catalog.=) 'number'
                        THEN a.value::pg_catalog.numeric
                END AS number
            FROM (
                SELECT runmeta._value_at(r.metadata, rollup.key) AS value FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id COLLATE pg_catalog."C"
                AND r.id OPERATOR(pg_catalog.=) f.id COLLATE pg_catalog."C"
                OFFSET 0
            ) AS a
        ) AS v
        WHERE rollup.include_self OR f.distance OPERATOR(pg_catalog.>) 0;
END
$rollup$;

COMMENT ON FUNCTION runmeta.rollup IS
    'count, sum, minimum, maximum and average of the numbers at a key in the runs below a run';

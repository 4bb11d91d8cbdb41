-- rollup_each

-- The generic plan, which is the only one that there is: each step is a look-up by index. Left to itself, Postgres takes
-- an array of a few elements for a reason to plan every call anew, 300 microseconds of a processor for a tree of 10 runs
-- instead of 90, and one of 500 for a reason to compile the query, 25 milliseconds. 500 such trees take 23 milliseconds,
-- one by one 45, and GROUP BY by hand over the runs of 500 roots 12: it need not look below each run.
CREATE FUNCTION runmeta.rollup_each(
    run_ids pg_catalog.text[],
    key pg_catalog.text,
    depth pg_catalog.int4 DEFAULT NULL,
    task pg_catalog.text DEFAULT NULL,
    include_self pg_catalog.bool DEFAULT false
) RETURNS TABLE (
    run_id pg_catalog.text,
    count pg_catalog.int8,
    sum pg_catalog.numeric,
    min pg_catalog.numeric,
    max pg_catalog.numeric,
    average pg_catalog.numeric,
    missing pg_catalog.int8,
    not_numbers pg_catalog.int8
)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 100
SET plan_cache_mode TO force_generic_plan
SET jit TO off
AS $rollup_each$
BEGIN
    IF rollup_each.key IS NULL THEN
        RETURN;
    END IF;
    IF rollup_each.depth OPERATOR(pg_catalog.<) 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('%s is not positive', 'depth'),
            HINT = 'Give a whole number from 1.';
    END IF;
    -- A path that cannot be read is refused even if there is no run to look at.
    PERFORM runmeta._value_at(NULL, rollup_each.key);
    -- There a plan for any tree is none.
    IF runmeta._is_distributed() THEN
        RETURN QUERY
            SELECT a.id, v.*
            FROM pg_catalog.unnest(rollup_each.run_ids) WITH ORDINALITY AS a (id, position)
            CROSS JOIN LATERAL runmeta._rollup_of(a.id, rollup_each.key, rollup_each.depth, rollup_each.task,
                rollup_each.include_self) AS v
            ORDER BY a.position;
        RETURN;
    END IF;
    -- As _family, for many runs at once. Each run is looked up once, and of its document only the number is kept.
    -- jsonb sorts by type first, so that only numbers are between two numbers. Two of 9e131071, the greatest there is,
    -- have no sum, and one document must not fail the report on all others; as many runs as there can be of 1e100000 do.
    RETURN QUERY
        WITH RECURSIVE family AS (
            SELECT a.id AS run_id, a.position, v.root_id, v.id, v.depth, 0 AS distance, v.counts,
                v.value IS NOT NULL AS present,
                CASE
                    WHEN v.value OPERATOR(pg_catalog.>=) '-1e100000'::pg_catalog.jsonb
                            AND v.value OPERATOR(pg_catalog.<=) '1e100000'::pg_catalog.jsonb
                        THEN v.value::pg_catalog.numeric
                END AS number
            FROM pg_catalog.unnest(rollup_each.run_ids) WITH ORDINALITY AS a (id, position)
            CROSS JOIN LATERAL (
                SELECT r.root_id, r.id, r.depth, c.counts,
                    CASE WHEN c.counts THEN runmeta._value_at(
                        runmeta._live_metadata(r.metadata::pg_catalog.jsonb,
                            r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz),
                        rollup_each.key)
                    END AS value
                FROM runmeta.run AS r
                CROSS JOIN LATERAL (SELECT rollup_each.include_self IS TRUE AND (rollup_each.task IS NULL
                    OR r.task::pg_catalog.text OPERATOR(pg_catalog.=) rollup_each.task COLLATE pg_catalog."C")
                ) AS c (counts)
                WHERE r.id OPERATOR(pg_catalog.=) a.id COLLATE pg_catalog."C"
                    AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) runmeta._root_of(a.id) COLLATE pg_catalog."C")
                OFFSET 0
            ) AS v
            UNION ALL
            SELECT f.run_id, f.position, v.root_id, v.id, v.depth, f.distance OPERATOR(pg_catalog.+) 1, v.counts,
                v.value IS NOT NULL,
                CASE
                    WHEN v.value OPERATOR(pg_catalog.>=) '-1e100000'::pg_catalog.jsonb
                            AND v.value OPERATOR(pg_catalog.<=) '1e100000'::pg_catalog.jsonb
                        THEN v.value::pg_catalog.numeric
                END
            FROM family AS f
            CROSS JOIN LATERAL (
                SELECT r.root_id, r.id, r.depth, c.counts,
                    CASE WHEN c.counts THEN runmeta._value_at(
                        runmeta._live_metadata(r.metadata::pg_catalog.jsonb,
                            r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz),
                        rollup_each.key)
                    END AS value
                FROM runmeta.run AS r
                CROSS JOIN LATERAL (SELECT rollup_each.task IS NULL
                    OR r.task::pg_catalog.text OPERATOR(pg_catalog.=) rollup_each.task COLLATE pg_catalog."C"
                ) AS c (counts)
                WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.parent_id OPERATOR(pg_catalog.=) f.id
                    AND (r.depth OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog.=) f.depth
                OFFSET 0
            ) AS v
            WHERE rollup_each.depth IS NULL OR f.distance OPERATOR(pg_catalog.<) rollup_each.depth
        )
        SELECT f.run_id, pg_catalog.count(f.number), pg_catalog.sum(f.number), pg_catalog.min(f.number),
            pg_catalog.max(f.number), pg_catalog.avg(f.number),
            pg_catalog.count(*) FILTER (WHERE f.counts AND NOT f.present),
            pg_catalog.count(*) FILTER (WHERE f.present AND f.number IS NULL)
        FROM family AS f
        GROUP BY f.position, f.run_id
        ORDER BY f.position;
END
$rollup_each$;

COMMENT ON FUNCTION runmeta.rollup_each IS 'rollup for each of many runs, in the order in which they are given';

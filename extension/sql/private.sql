-- private functions

CREATE FUNCTION runmeta._no_such_run(run_id pg_catalog.text) RETURNS pg_catalog.void
AS 'MODULE_PATHNAME', 'no_such_run_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION runmeta._no_such_run IS 'raise the error for a run that does not exist';

CREATE FUNCTION runmeta._value_at(document pg_catalog.jsonb, key pg_catalog.text) RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'value_at_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION runmeta._value_at IS 'value at a key or path in a document, null if there is none';

CREATE FUNCTION runmeta._depth_first(ids pg_catalog.text[], parent_ids pg_catalog.text[])
RETURNS TABLE (id pg_catalog.text, depth pg_catalog.int4)
AS 'MODULE_PATHNAME', 'depth_first_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;

COMMENT ON FUNCTION runmeta._depth_first IS 'runs of a tree in the order in which they are printed';

CREATE FUNCTION runmeta._family(run_id pg_catalog.text)
RETURNS TABLE (
    root_id pg_catalog.text,
    id pg_catalog.text,
    parent_id pg_catalog.text,
    created_at pg_catalog.timestamptz,
    distance pg_catalog.int4
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000
AS $family$
BEGIN
    -- OFFSET 0 keeps each level a look-up by index, whatever the planner believes of the number of rows. The depth is
    -- asked for so that a cycle, which a plain INSERT could make, ends where it would begin again.
    RETURN QUERY
        WITH RECURSIVE family AS (
            SELECT r.root_id, r.id, r.parent_id, r.depth, r.created_at, 0 AS distance
            FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) _family.run_id COLLATE pg_catalog."C"
            UNION ALL
            SELECT c.root_id, c.id, c.parent_id, c.depth, c.created_at, f.distance OPERATOR(pg_catalog.+) 1
            FROM family AS f
            CROSS JOIN LATERAL (
                SELECT r.root_id, r.id, r.parent_id, r.depth, r.created_at FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.parent_id OPERATOR(pg_catalog.=) f.id
                    AND r.depth OPERATOR(pg_catalog.=) (f.depth OPERATOR(pg_catalog.+) 1)
                OFFSET 0
            ) AS c
        )
        SELECT f.root_id, f.id, f.parent_id, f.created_at, f.distance FROM family AS f;
END
$family$;

COMMENT ON FUNCTION runmeta._family IS 'run and the runs below it, without their metadata';

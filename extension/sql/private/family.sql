-- _family

CREATE FUNCTION runmeta._family(run_id pg_catalog.text)
RETURNS TABLE (
    root_id pg_catalog.text,
    id pg_catalog.text,
    parent_id pg_catalog.text,
    created_at pg_catalog.timestamptz,
    distance pg_catalog.int4
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 100
AS $family$
DECLARE
    root CONSTANT pg_catalog.text := runmeta._root_of(_family.run_id);
BEGIN
    -- OFFSET 0 keeps each level a look-up by index, whatever the planner believes of the number of rows. The depth is
    -- asked for so that a cycle, which a plain INSERT could make, ends where it would begin again; one is taken from
    -- the child's, because the parent's may be the last of its type. Of partitions, the planner believes that each has the run:
    -- with LIMIT 1, and fewer rows than there may be, the walk does not look so expensive that Postgres compiles it, for 120 ms.
    RETURN QUERY
        WITH RECURSIVE family AS (
            (SELECT r.root_id, r.id, r.parent_id, r.depth, r.created_at, 0 AS distance
            FROM runmeta.run AS r
            WHERE r.id OPERATOR(pg_catalog.=) _family.run_id COLLATE pg_catalog."C"
                AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
            LIMIT 1)
            UNION ALL
            SELECT c.root_id, c.id, c.parent_id, c.depth, c.created_at, f.distance OPERATOR(pg_catalog.+) 1
            FROM family AS f
            CROSS JOIN LATERAL (
                SELECT r.root_id, r.id, r.parent_id, r.depth, r.created_at FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.parent_id OPERATOR(pg_catalog.=) f.id
                    AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
                    AND (r.depth OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog.=) f.depth
                OFFSET 0
            ) AS c
        )
        SELECT f.root_id::pg_catalog.text, f.id::pg_catalog.text, f.parent_id::pg_catalog.text,
            f.created_at::pg_catalog.timestamptz, f.distance
        FROM family AS f;
END
$family$;

COMMENT ON FUNCTION runmeta._family IS 'run and the runs below it, without their metadata';

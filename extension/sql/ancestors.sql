-- ancestors

CREATE FUNCTION runmeta.ancestors(run_id pg_catalog.text)
RETURNS TABLE (
    root_id pg_catalog.text,
    id pg_catalog.text,
    parent_id pg_catalog.text,
    depth pg_catalog.int4,
    task pg_catalog.text,
    tags pg_catalog.text[],
    status pg_catalog.text,
    attempt pg_catalog.int4,
    metadata pg_catalog.jsonb,
    version pg_catalog.int8,
    created_at pg_catalog.timestamptz,
    started_at pg_catalog.timestamptz,
    updated_at pg_catalog.timestamptz,
    finished_at pg_catalog.timestamptz
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10
AS $ancestors$
DECLARE
    root CONSTANT pg_catalog.text := runmeta._root_of(ancestors.run_id);
BEGIN
    -- OFFSET 0 keeps each level a look-up by index, whatever the planner believes of the number of rows. The depth is
    -- asked for so that a cycle, which a plain INSERT could make, ends where it would begin again. LIMIT 1 as in _family.
    RETURN QUERY
        WITH RECURSIVE line AS (
            (SELECT r.root_id, r.parent_id, r.depth, 0 AS distance
            FROM runmeta.run AS r
            WHERE r.id OPERATOR(pg_catalog.=) ancestors.run_id COLLATE pg_catalog."C"
                AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
            LIMIT 1)
            UNION ALL
            SELECT p.root_id, p.parent_id, p.depth, l.distance OPERATOR(pg_catalog.+) 1
            FROM line AS l
            CROSS JOIN LATERAL (
                SELECT r.root_id, r.parent_id, r.depth FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) l.root_id AND r.id OPERATOR(pg_catalog.=) l.parent_id
                    AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
                    AND r.depth OPERATOR(pg_catalog.=) (l.depth OPERATOR(pg_catalog.-) 1)
                OFFSET 0
            ) AS p
        )
        SELECT p.*
        FROM line AS l
        CROSS JOIN LATERAL (
            SELECT r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.parent_id::pg_catalog.text,
                r.depth::pg_catalog.int4, r.task::pg_catalog.text, r.tags::pg_catalog.text[], r.status::pg_catalog.text,
                r.attempt::pg_catalog.int4,
                runmeta._live_metadata(r.metadata::pg_catalog.jsonb,
                    r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz),
                runmeta._live_version(r.version::pg_catalog.int8,
                    r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz),
                r.created_at::pg_catalog.timestamptz, r.started_at::pg_catalog.timestamptz,
                runmeta._live_updated_at(r.updated_at::pg_catalog.timestamptz,
                    r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz),
                r.finished_at::pg_catalog.timestamptz
            FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) l.root_id AND r.id OPERATOR(pg_catalog.=) l.parent_id
                AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
                AND r.depth OPERATOR(pg_catalog.=) (l.depth OPERATOR(pg_catalog.-) 1)
            OFFSET 0
        ) AS p
        ORDER BY l.distance;
END
$ancestors$;

COMMENT ON FUNCTION runmeta.ancestors IS 'runs above a run, its parent first';

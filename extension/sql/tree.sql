-- tree

CREATE FUNCTION runmeta.tree(run_id pg_catalog.text)
RETURNS TABLE (
    depth pg_catalog.int4,
    id pg_catalog.text,
    parent_id pg_catalog.text,
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
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000
AS $tree$
DECLARE
    root pg_catalog.text;
    ids pg_catalog.text[];
    parent_ids pg_catalog.text[];
BEGIN
    -- Sorted once for both: 100,000 runs take 630 ms of a processor, with an order in each aggregate 775.
    SELECT pg_catalog.min(f.root_id), pg_catalog.array_agg(f.id), pg_catalog.array_agg(f.parent_id)
    INTO root, ids, parent_ids
    FROM (
        SELECT f.root_id, f.id, f.parent_id FROM runmeta._family(tree.run_id) AS f
        ORDER BY f.distance, f.created_at, f.id COLLATE pg_catalog."C"
    ) AS f;
    RETURN QUERY
        SELECT o.depth, m.*
        FROM runmeta._depth_first(ids, parent_ids) WITH ORDINALITY AS o (id, depth, position)
        CROSS JOIN LATERAL (
            SELECT r.id::pg_catalog.text, r.parent_id::pg_catalog.text,
                r.task::pg_catalog.text, r.tags::pg_catalog.text[], r.status::pg_catalog.text,
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
            WHERE r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C"
                AND r.id OPERATOR(pg_catalog.=) o.id COLLATE pg_catalog."C"
            OFFSET 0
        ) AS m
        ORDER BY o.position;
END
$tree$;

COMMENT ON FUNCTION runmeta.tree IS
    'run and the runs below it, each under its parent in the order in which they started, with the depth below the run';

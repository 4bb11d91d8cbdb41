-- descendants

CREATE FUNCTION runmeta.descendants(run_id pg_catalog.text)
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
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000
AS $descendants$
DECLARE
    root pg_catalog.text;
    above pg_catalog.int4;
BEGIN
    -- There the function would be called where the runs are, and reads from there.
    IF runmeta._is_distributed() THEN
        root := runmeta._root_of(descendants.run_id);
        SELECT r.depth INTO above FROM runmeta.run AS r
        WHERE r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C"
            AND r.id OPERATOR(pg_catalog.=) descendants.run_id COLLATE pg_catalog."C";
        RETURN QUERY
            SELECT root, t.id, t.parent_id, above OPERATOR(pg_catalog.+) t.depth, t.task, t.tags, t.status, t.attempt, t.metadata,
                t.version, t.created_at, t.started_at, t.updated_at, t.finished_at
            FROM runmeta.tree(descendants.run_id) AS t
            WHERE t.depth OPERATOR(pg_catalog.>) 0;
        RETURN;
    END IF;
    RETURN QUERY
        SELECT m.*
        FROM runmeta._family(descendants.run_id) AS f
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
            WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id COLLATE pg_catalog."C"
                AND r.id OPERATOR(pg_catalog.=) f.id COLLATE pg_catalog."C"
            OFFSET 0
        ) AS m
        WHERE f.distance OPERATOR(pg_catalog.>) 0;
END
$descendants$;

COMMENT ON FUNCTION runmeta.descendants IS 'runs below a run, at any depth';

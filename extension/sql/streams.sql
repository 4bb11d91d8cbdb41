-- streams

CREATE FUNCTION runmeta.streams(run_id pg_catalog.text)
RETURNS TABLE (
    stream pg_catalog.text,
    chunks pg_catalog.int8,
    closed_at pg_catalog.timestamptz,
    error pg_catalog.text,
    created_at pg_catalog.timestamptz,
    updated_at pg_catalog.timestamptz
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10
AS $streams$
DECLARE
    root CONSTANT pg_catalog.text := runmeta._root_of(streams.run_id);
BEGIN
    RETURN QUERY
        SELECT s.name::pg_catalog.text, s.chunks, s.closed_at, s.error, s.created_at, s.updated_at
        FROM runmeta.run AS r
        JOIN runmeta.stream AS s ON s.root_id OPERATOR(pg_catalog.=) r.root_id
            AND s.run_id OPERATOR(pg_catalog.=) r.id AND s.run_created_at OPERATOR(pg_catalog.=) r.created_at
        WHERE r.id OPERATOR(pg_catalog.=) streams.run_id COLLATE pg_catalog."C"
            AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
        ORDER BY s.name;
END
$streams$;

COMMENT ON FUNCTION runmeta.streams IS 'streams of a run by name; no row if there are none';

-- samples

CREATE FUNCTION runmeta.samples(run_id pg_catalog.text, key pg_catalog.text)
RETURNS TABLE (at pg_catalog.timestamptz, value pg_catalog.float8)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 60
AS $samples$
DECLARE
    root CONSTANT pg_catalog.text := runmeta._root_of(samples.run_id);
BEGIN
    RETURN QUERY
        SELECT s.at, s.value
        FROM runmeta.run AS r
        JOIN runmeta.history AS h ON h.root_id OPERATOR(pg_catalog.=) r.root_id
            AND h.run_id OPERATOR(pg_catalog.=) r.id AND h.run_created_at OPERATOR(pg_catalog.=) r.created_at
        CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(h.at), pg_catalog.unnest(h.value)) AS s (at, value)
        WHERE r.id OPERATOR(pg_catalog.=) samples.run_id COLLATE pg_catalog."C"
            AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C")
            AND h.key OPERATOR(pg_catalog.=) samples.key COLLATE pg_catalog."C"
        ORDER BY s.at;
END
$samples$;

COMMENT ON FUNCTION runmeta.samples IS 'history of a tracked number of a run; no row if there is none';

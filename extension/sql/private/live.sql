-- _live_metadata, _live_version, _live_updated_at

-- A run as its stored row and the lists that wait for it make it, at the snapshot of the statement. They take columns
-- of the row, so that what a query does not select costs nothing, and they inline into views.
CREATE FUNCTION runmeta._live_metadata(
    metadata pg_catalog.jsonb,
    root_id pg_catalog.text,
    run_id pg_catalog.text,
    created_at pg_catalog.timestamptz
) RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'live_metadata_wrapper'
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._live_metadata IS 'metadata of a run with the lists that wait for it applied';

CREATE FUNCTION runmeta._live_version(
    version pg_catalog.int8,
    root_id pg_catalog.text,
    run_id pg_catalog.text,
    created_at pg_catalog.timestamptz
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'live_version_wrapper'
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._live_version IS 'version of a run with the lists that wait for it counted';

CREATE FUNCTION runmeta._live_updated_at(
    updated_at pg_catalog.timestamptz,
    root_id pg_catalog.text,
    run_id pg_catalog.text,
    created_at pg_catalog.timestamptz
) RETURNS pg_catalog.timestamptz
AS 'MODULE_PATHNAME', 'live_updated_at_wrapper'
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._live_updated_at IS 'when a run last changed, or the last list that waits for it came';

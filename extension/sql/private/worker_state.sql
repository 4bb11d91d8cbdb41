-- _worker_state

CREATE FUNCTION runmeta._worker_state()
RETURNS TABLE (
    state pg_catalog.text,
    pid pg_catalog.int4,
    unannounced_since pg_catalog.timestamptz,
    unannounced_bytes pg_catalog.int8,
    owes_resync pg_catalog.bool,
    error pg_catalog.text,
    error_at pg_catalog.timestamptz,
    preloaded pg_catalog.bool,
    library_version pg_catalog.text
)
AS 'MODULE_PATHNAME', 'worker_state_wrapper'
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 10 ROWS 1;

COMMENT ON FUNCTION runmeta._worker_state IS 'background worker of the database and the library, in one row';

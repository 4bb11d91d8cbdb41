-- _worker_state

CREATE FUNCTION runmeta._worker_state()
RETURNS TABLE (
    state pg_catalog.text,
    pid pg_catalog.int4,
    unannounced_since pg_catalog.timestamptz,
    owes_resync pg_catalog.bool,
    error pg_catalog.text,
    error_at pg_catalog.timestamptz
)
AS 'MODULE_PATHNAME', 'worker_state_wrapper'
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 10 ROWS 1;

COMMENT ON FUNCTION runmeta._worker_state IS 'background worker of the database, of which there is one row';

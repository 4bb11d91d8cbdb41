-- _no_such_run

CREATE FUNCTION runmeta._no_such_run(run_id pg_catalog.text) RETURNS pg_catalog.void
AS 'MODULE_PATHNAME', 'no_such_run_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION runmeta._no_such_run IS 'raise the error for a run that does not exist';

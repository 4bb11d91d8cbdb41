-- set_status

CREATE FUNCTION runmeta.set_status(
    run_id pg_catalog.text,
    status pg_catalog.text,
    attempt pg_catalog.int4 DEFAULT NULL
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'set_status_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.set_status IS 'set the status of a run that has not finished and return its version';

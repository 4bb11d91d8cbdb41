-- finish

CREATE FUNCTION runmeta.finish(
    run_id pg_catalog.text,
    status pg_catalog.text DEFAULT 'completed',
    attempt pg_catalog.int4 DEFAULT NULL
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'finish_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.finish IS 'finish the attempt at a run, once, and return the version of the run';

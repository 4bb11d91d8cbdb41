-- start

CREATE FUNCTION runmeta.start(
    run_id pg_catalog.text,
    metadata pg_catalog.jsonb DEFAULT '{}',
    parent_run_id pg_catalog.text DEFAULT NULL,
    task pg_catalog.text DEFAULT NULL,
    tags pg_catalog.text[] DEFAULT '{}',
    status pg_catalog.text DEFAULT 'running',
    attempt pg_catalog.int4 DEFAULT NULL
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'start_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.start IS
    'start a run, begin another attempt at it or find it as it is, and return its version';

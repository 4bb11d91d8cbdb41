-- apply

CREATE FUNCTION runmeta.apply(
    run_id pg_catalog.text,
    operations pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self'
) RETURNS TABLE (version pg_catalog.int8, unapplied pg_catalog.jsonb)
AS 'MODULE_PATHNAME', 'apply_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION runmeta.apply IS 'apply a list of operations and return the version and what was skipped';

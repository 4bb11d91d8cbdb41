-- set

CREATE FUNCTION runmeta.set(
    run_id pg_catalog.text,
    key pg_catalog.text,
    value pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'set_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.set IS 'set the value at a key or path and return the version';

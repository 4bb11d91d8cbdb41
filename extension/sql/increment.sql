-- increment, decrement

CREATE FUNCTION runmeta.increment(
    run_id pg_catalog.text,
    key pg_catalog.text,
    by pg_catalog.numeric DEFAULT 1,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'increment_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.increment IS 'add to the number at a key or path and return the version';

CREATE FUNCTION runmeta.decrement(
    run_id pg_catalog.text,
    key pg_catalog.text,
    by pg_catalog.numeric DEFAULT 1,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'decrement_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.decrement IS 'subtract from the number at a key or path and return the version';

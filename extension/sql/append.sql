-- append

CREATE FUNCTION runmeta.append(
    run_id pg_catalog.text,
    key pg_catalog.text,
    value pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self',
    keep pg_catalog.int4 DEFAULT NULL
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'append_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.append IS 'add a value at the end of the array at a key or path and return the version';

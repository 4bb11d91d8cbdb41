-- del

CREATE FUNCTION runmeta.del(
    run_id pg_catalog.text,
    key pg_catalog.text,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'del_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.del IS 'delete a key or path and return the version';

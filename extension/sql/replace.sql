-- replace

CREATE FUNCTION runmeta.replace(
    run_id pg_catalog.text,
    value pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'replace_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.replace IS 'replace the whole metadata and return the version';

-- merge

CREATE FUNCTION runmeta.merge(
    run_id pg_catalog.text,
    value pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self',
    key pg_catalog.text DEFAULT NULL
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'merge_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.merge IS 'merge a JSON merge patch, into the value at a key if one is given, and return the version';

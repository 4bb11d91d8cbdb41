-- apply_operations

CREATE FUNCTION runmeta.apply_operations(document pg_catalog.jsonb, operations pg_catalog.jsonb)
RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'apply_operations_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta.apply_operations IS 'document that a list of operations makes';

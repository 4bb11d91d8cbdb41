-- unapplied_operations

CREATE FUNCTION runmeta.unapplied_operations(document pg_catalog.jsonb, operations pg_catalog.jsonb)
RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'unapplied_operations_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta.unapplied_operations IS 'operations of a list that cannot be applied to a document, with reasons';

-- _is_schema

CREATE FUNCTION runmeta._is_schema(schema pg_catalog.jsonb) RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'is_schema_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION runmeta._is_schema IS 'whether a contract may have a schema, an error that says why not otherwise';

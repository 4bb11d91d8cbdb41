-- size

CREATE FUNCTION runmeta.size(document pg_catalog.jsonb) RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'size_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION runmeta.size IS 'bytes of the compact JSON text';
